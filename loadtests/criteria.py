"""Criteria that several scenarios share, and how their figures are taken from the evidence."""

import sys
from collections.abc import Sequence
from functools import partial

from loadtests.evidence import Evidence, Sample
from loadtests.shapes import Doubling
from loadtests.verdict import WRONG_USE, Criterion, time_limit
from ops.slo import Levels, LevelsError, load


def _levels() -> Levels:
    """Locust reads its files before anything could tell it in order that a run cannot begin."""
    try:
        return load()
    except LevelsError as error:
        sys.stderr.write(f"the load test cannot begin: {error}\n")
        sys.exit(WRONG_USE)


LEVELS = _levels()
PROMISED = LEVELS.promised
FIRST_EVENT, STREAM, RESUMED = "chat, first event", "chat", "chat, to be resumed"
SEARCH, AFTER_WRITE = "search", "search after a write"
OF_A_SHOP, CHAT_OF_A_SHOP, LIST_OF_A_SHOP = "search of a shop", "chat of a shop", "passages of a shop"
RATING = "rating"
# Less is no overload: refusals of what is offered to the full system, and what is offered afterwards to that. A little
# less than the shape grows to and doubles to: a window is longer than the look that begins it.
FULL, DOUBLED = 0.8 * Doubling.FULL, 1.8
LEAST_FOR_A_SHARE = 50
# Sorts of failure, and what is counted beside requests.
STALE, FOREIGN, MISSING, CUT = "stale:", "foreign:", "missing:", "cut:"
DEGRADED, LOST, WRONG = "degraded:", "lost:", "wrong:"
FOUND, ANSWERED, BY_PASSAGES = "searches that found something", "chats that were answered", "chats without their model"
FROM_A_SHOP = "chats that rest on passages of a shop"


def most_a_second(evidence: Evidence) -> float | None:
    pairs = zip(evidence.samples, evidence.samples[1:], strict=False)
    rates = [after.requests / (after.at_s - before.at_s) for before, after in pairs if after.at_s > before.at_s]
    return round(max(rates), 1) if rates else None


def error_share(evidence: Evidence) -> float | None:
    few = evidence.requests < LEAST_FOR_A_SHARE
    return None if few else (evidence.failed + evidence.refused) / evidence.requests


def searches_failed(evidence: Evidence) -> int:
    return sum(total.failures for total in evidence.of(SEARCH, f"{SEARCH}, refused"))


def right(evidence: Evidence, name: str) -> int:
    return sum(total.requests - total.failures for total in evidence.of(name))


def late_p95_s(evidence: Evidence) -> float | None:
    """The median p95 of the last quarter of the samples: one slow second is not a drift."""
    found = sorted(p95 for sample in _last_quarter(evidence) if (p95 := sample.p95_ms) is not None)
    return found[len(found) // 2] / 1000 if found else None


def _last_quarter(evidence: Evidence) -> Sequence[Sample]:
    busy = [sample for sample in evidence.samples if sample.users]
    return busy[len(busy) * 3 // 4 :]


def refused_share(evidence: Evidence, window: str) -> float | None:
    offered, refused = evidence.offered(window), evidence.turned_away(window)
    return refused / offered if offered and refused is not None else None


def offered_more(evidence: Evidence) -> float | None:
    full, double = evidence.offered("full"), evidence.offered("double")
    return double / full if full and double is not None else None


def best_goodput(evidence: Evidence) -> float | None:
    return evidence.best_goodput(round(Doubling.LEAST_S))


def kept_of_best(evidence: Evidence, window: str) -> float | None:
    """Of the most that the system ever did, so that one that is worse when full is not the measure of itself.

    None, too, where it says nothing: a system that is not full, then or when twice as many ask, or not twice as many.
    """
    shares = [refused_share(evidence, window) or 0.0 for window in ("full", "double")]
    if min(shares) < FULL or (offered_more(evidence) or 0.0) < DOUBLED:
        return None
    best, good = best_goodput(evidence), evidence.goodput(window)
    return good / best if best and good is not None else None


def kept(name: str, window: str) -> Criterion:
    return Criterion(name, partial(kept_of_best, window=window), ">=", LEVELS.aims.goodput_kept, lasting=True)


def counted(name: str, limit: float | None = 0) -> Criterion:
    return Criterion(name, lambda evidence: evidence.counted(name), ">", limit)


def none_of(name: str, sort: str, most: int = 0) -> Criterion:
    return Criterion(name, lambda evidence: evidence.count(sort), "<=", most)


def some_right(name: str, of: str) -> Criterion:
    return Criterion(name, lambda evidence: right(evidence, of), ">", 0)


def told_rate(name: str, window: str, kind: str) -> Criterion:
    return Criterion(name, lambda evidence: getattr(evidence, kind)(window))


REQUESTS = Criterion("requests", lambda evidence: evidence.requests)
RATE = Criterion("most requests a second", most_a_second)
BROKEN = Criterion("failed or wrong", lambda evidence: evidence.failed, "<=", 0)
REFUSED = Criterion("refused (503 with Retry-After)", lambda evidence: evidence.refused, "<=", 0)
DEFECTS = Criterion("errors of the test itself", lambda evidence: evidence.notes.get("defects"), "<=", 0)
HITS = (
    Criterion(
        "cache hit rate of search", lambda evidence: evidence.notes.get("hit rate"), ">", PROMISED.cache_hit_rate
    ),
    Criterion("  repeats to be expected", lambda evidence: evidence.notes.get("repeats")),
)
RESPONSE = (
    time_limit("response p50 s", lambda evidence: evidence.percentile_s(0.5), PROMISED.response_p50_s),
    time_limit("response p95 s", lambda evidence: evidence.percentile_s(0.95), PROMISED.response_p95_s),
    time_limit("response p99 s", lambda evidence: evidence.percentile_s(0.99), PROMISED.response_p99_s),
)
ERROR_RATE = Criterion("failed or refused, share", error_share, "<", PROMISED.error_rate)
# Promised are meaning and words of this moment; who cannot be given that is refused.
SEARCHED = (counted(FOUND), none_of("degraded answers", DEGRADED))
EACH_SEARCH = (
    Criterion("searches without a 200, or wrong", searches_failed, "<=", 0),
    time_limit("slowest search s", lambda evidence: evidence.slowest_s(SEARCH), PROMISED.search_s),
)
LATE_P95 = time_limit("p95 s at the end", late_p95_s, PROMISED.search_s)
CHAT = (
    time_limit(
        "chat, first event, p95 s",
        lambda evidence: evidence.percentile_s(0.95, evidence.of(FIRST_EVENT)),
        LEVELS.aims.chat_first_event_p95_s,
        "<=",
    ),
    some_right("streams read to the end", STREAM),
    none_of("streams cut", CUT),
    counted(ANSWERED, None),
    none_of("conversations not kept", LOST),
    counted(BY_PASSAGES, None),
)
RATINGS = some_right("ratings taken", RATING)
