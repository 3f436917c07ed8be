"""What an import notes of the documents that it met."""

import tracemalloc

from ops.importing.seen import Seen


def test_a_document_is_noted_once_by_shop_file_and_key():
    seen = Seen()
    names = [(1, "/a", "b"), (2, "/a", "b"), (1, "/ab", ""), (1, "/a", ""), (1, "", "/ab")]
    assert [True] * len(names) == [seen.add(*name) for name in names]
    assert [False] * len(names) == [seen.add(*name) for name in names]
    assert all(seen.has(*name) for name in names)
    assert not seen.has(2, "/ab", "")
    assert [1, 2] == seen.shops


def test_notes_of_many_documents_take_no_memory_of_the_process():
    seen = Seen()
    tracemalloc.start()
    for number in range(20_000):
        seen.add(1, "/a/file/with/a/path/of/some/length.jsonl", f"document {number}")
    assert tracemalloc.get_traced_memory()[0] < 100_000
    tracemalloc.stop()
