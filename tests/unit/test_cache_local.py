from core.cache.local import ENTRY_OVERHEAD_BYTES, LocalCache


def test_what_was_put_is_found_and_counted():
    cache = LocalCache(10_000)
    cache.put("a", b"answer", 6)
    assert cache.get("a") == b"answer"
    assert cache.get("b") is None
    assert (cache.hits, cache.misses) == (1, 1)


def test_the_least_recently_used_goes_first_and_the_limit_holds():
    cache = LocalCache(3 * (100 + ENTRY_OVERHEAD_BYTES))
    for name in "abc":
        cache.put(name, name, 100)
    cache.get("a")
    cache.put("d", "d", 100)
    assert cache.get("a") == "a"
    assert cache.get("b") is None
    assert len(cache) == 3
    assert cache.size_bytes <= 3 * (100 + ENTRY_OVERHEAD_BYTES)


def test_a_value_over_the_limit_is_not_kept_and_costs_no_other():
    cache = LocalCache(2000)
    cache.put("small", 1, 10)
    cache.put("huge", 2, 2000)
    assert cache.get("huge") is None
    assert cache.get("small") == 1
