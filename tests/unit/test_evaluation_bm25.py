"""BM25 beside the search: words are weighed over the whole collection, and only the tenant's documents are answers."""

from ops.evaluation.bm25 import Bm25
from ops.evaluation.folder import Document


def document(name: str, text: str, tenant: str) -> Document:
    return Document(name, "", text, tenant)


# Within "a" both words are as rare; in the collection "parking" is everywhere.
OF_A = [document("a1", "parking garage", "a"), document("a2", "velvet curtain", "a")]
OF_B = [document(f"b{number}", "parking space", "b") for number in range(9)]


def test_a_word_that_is_common_in_the_collection_weighs_little_in_each_tenant():
    bm25 = Bm25({"a": OF_A, "b": OF_B})
    assert ("a2", "a1") == bm25.search("parking curtain", "a", 10).documents


def test_only_documents_of_the_tenant_are_found():
    bm25 = Bm25({"b": OF_B, "a": OF_A})
    assert ("a1",) == bm25.search("parking", "a", 10).documents
    assert {"b"} == {name[0] for name in bm25.search("parking", "b", 10).documents}


def test_words_that_the_tenant_does_not_have_find_nothing():
    found = Bm25({"a": OF_A, "b": OF_B}).search("space", "a", 10)
    assert ((), None) == (found.documents, found.best)


def test_documents_without_a_word_find_nothing():
    assert () == Bm25({None: [document("x", "?!", "")]}).search("anything", None, 10).documents
