"""Collections as people leave them in folders."""

import json

import pytest

from ops.evaluation.folder import FolderError, read_folder
from ops.evaluation.load import shops_of

CORPUS = [
    {"_id": "d1", "title": "Parking", "text": "Three spaces behind the house."},
    {"_id": "d2", "title": "", "text": "Open from nine to six."},
]
QUERIES = [
    {"_id": "q1", "text": "where do I park"},
    {"_id": "q2", "text": "when are you open"},
    {"_id": "q3", "text": "who won the cup", "answerable": False},
]
QRELS = [{"query_id": "q1", "doc_id": "d1", "score": 1}, {"query_id": "q2", "doc_id": "d2", "score": 2}]


def write(folder, corpus=CORPUS, queries=QUERIES, qrels=QRELS):
    for name, rows in (("corpus", corpus), ("queries", queries), ("qrels", qrels)):
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return folder


def relevant(collection):
    return {query.id: dict(query.relevant) for query in collection.queries}


def test_a_plain_folder_is_read_without_a_warning(tmp_path):
    collection = read_folder(write(tmp_path))
    assert ["Parking\nThree spaces behind the house.", "Open from nine to six."] == [
        document.content for document in collection.documents
    ]
    assert {"q1": {"d1": 1}, "q2": {"d2": 2}, "q3": {}} == relevant(collection)
    assert [] == collection.warnings


def test_a_query_that_is_not_answerable_stays_so_whatever_the_qrels_say(tmp_path):
    collection = read_folder(write(tmp_path, qrels=[*QRELS, {"query_id": "q3", "doc_id": "d1", "score": 1}]))
    assert {} == relevant(collection)["q3"]


def test_the_layout_of_beir_is_understood_and_other_splits_are_left_out(tmp_path):
    write(tmp_path)
    (tmp_path / "qrels.jsonl").unlink()
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    assert {"q1": {"d1": 1}} == relevant(read_folder(tmp_path))


def test_other_names_of_fields_and_trec_files_are_understood(tmp_path):
    write(tmp_path, [{"id": 7, "contents": "Cash only."}], [{"qid": "q", "query": "can I pay by card"}])
    (tmp_path / "qrels.jsonl").unlink()
    (tmp_path / "qrels.tsv").write_text("q\t0\t7\t1\n")
    assert {"q": {"7": 1}} == relevant(read_folder(tmp_path))


@pytest.mark.parametrize("name", ["corpus", "queries", "qrels"])
def test_a_missing_file_is_named(tmp_path, name):
    (write(tmp_path) / f"{name}.jsonl").unlink()
    with pytest.raises(FolderError, match=rf"{name}\.jsonl"):
        read_folder(tmp_path)


def test_faults_are_left_out_and_told(tmp_path):
    many = [{"_id": f"x{number}", "text": "Something else."} for number in range(3)]
    write(
        tmp_path,
        [*CORPUS, {"_id": "d1", "text": "again"}, "{broken", {"text": "no id"}, {"_id": "empty"}, *many],
        [*QUERIES, {"_id": "q1", "text": "again"}, {"_id": "q4", "text": "lost"}],
        [
            *QRELS,
            {"query_id": "q4", "doc_id": "nowhere", "score": 1},
            {"query_id": "nobody", "doc_id": "d1", "score": 1},
        ],
    )
    collection = read_folder(tmp_path)
    told = "; ".join(collection.warnings)
    assert 5 == len(collection.documents)
    assert ["q1", "q2", "q3"] == [query.id for query in collection.queries]
    for place in (
        "d1 (corpus.jsonl:3)",
        "corpus.jsonl:4",
        "corpus.jsonl:6",
        "q1 (queries.jsonl:4)",
        "nowhere",
        "nobody",
    ):
        assert place in told


def test_a_file_of_another_kind_is_refused_and_not_read_as_an_empty_one(tmp_path):
    write(tmp_path, corpus=["id,text", "1,Cash only", "2,Closed on Monday"])
    with pytest.raises(FolderError, match="3 of 3 lines are broken"):
        read_folder(tmp_path)


def test_a_tenant_field_that_no_document_has_is_an_error(tmp_path):
    with pytest.raises(FolderError, match="no document with 'shop'"):
        read_folder(write(tmp_path), "shop")


def test_numbers_and_text_name_the_same_documents_queries_and_tenants(tmp_path):
    write(
        tmp_path,
        [{"_id": 1, "shop": 7, "text": "Cash only."}, {"_id": "2", "shop": "7", "text": 24}],
        [{"_id": 3, "shop": ["7"], "text": "can I pay by card"}],
        [{"query_id": "3", "doc_id": "1", "score": 0.5}],
    )
    collection = read_folder(tmp_path, "shop")
    assert {"7"} == {row.tenant for row in [*collection.documents, *collection.queries]}
    assert {"3": {"1": 1}} == relevant(collection)
    assert [] == collection.warnings


def test_a_query_without_a_tenant_belongs_to_the_documents_that_answer_it(tmp_path):
    corpus = [{"_id": "a", "shop": "x", "text": "Cash only."}, {"_id": "b", "shop": "y", "text": "Cards welcome."}]
    queries = [{"_id": "q", "text": "can I pay by card"}, {"_id": "f", "text": "who won the cup"}]
    write(tmp_path, corpus, queries, [{"query_id": "q", "doc_id": "b", "score": 1}])
    collection = read_folder(tmp_path, "shop")
    assert {"q": "y", "f": None} == {query.id: query.tenant for query in collection.queries}
    assert ["queries to abstain from without a tenant are each asked of one drawn by their id: f"] == (
        collection.warnings
    )


def test_a_query_whose_answer_is_another_tenants_is_told(tmp_path):
    corpus = [{"_id": "a", "shop": "x", "text": "Cash only."}, {"_id": "b", "shop": "y", "text": "Cards welcome."}]
    write(tmp_path, corpus, [{"_id": "q", "shop": "x", "text": "by card"}], [{"query_id": "q", "doc_id": "b"}])
    (warning,) = read_folder(tmp_path, "shop").warnings
    assert "asked in vain: q" in warning


def test_a_query_whose_every_score_is_zero_is_one_to_abstain_from(tmp_path):
    collection = read_folder(write(tmp_path, qrels=[*QRELS[:1], {"query_id": "q2", "doc_id": "d2", "score": 0}]))
    assert {"q1": {"d1": 1}, "q2": {}, "q3": {}} == relevant(collection)
    assert ["q1"] == [query.id for query in collection.judged]
    assert "every score is 0" in collection.warnings[0]


def test_folders_without_titles_metadata_or_a_single_qrel_are_read(tmp_path):
    collection = read_folder(write(tmp_path, [{"_id": "d", "text": "Cash only."}], QUERIES, []))
    assert ([], []) == (collection.judged, collection.warnings)


def test_documents_longer_than_a_passage_may_be_are_cut_and_told(tmp_path):
    write(tmp_path, [*CORPUS, {"_id": "book", "title": "Book", "text": "ä" * (5 << 20)}])
    collection = read_folder(tmp_path)
    assert 8 << 20 >= len(collection.documents[-1].content.encode()) > (8 << 20) - 4
    assert "book" in collection.warnings[0]


@pytest.mark.parametrize("line", ["[" * 100_000, '{"_id": 1e999}', "\x00", '"text"', '{"_id": {}}', '{"_id": true'])
def test_no_line_ends_the_reading(tmp_path, line):
    collection = read_folder(write(tmp_path, [*CORPUS, line], [*QUERIES, line], [*QRELS, line]))
    assert 2 == len(collection.documents)
    assert "broken lines were left out: " in "; ".join(collection.warnings)


@pytest.mark.parametrize("table", ["\nq1\td1\t1\n", "q1\n\nq1\td1\t1\n", "query\tdoc\tscore\nq1\td1\t1\nq2\n"])
def test_ragged_tables_are_read(tmp_path, table):
    write(tmp_path)
    (tmp_path / "qrels.jsonl").unlink()
    (tmp_path / "qrels.tsv").write_text(table)
    assert {"d1": 1} == relevant(read_folder(tmp_path))["q1"]


def test_what_rows_call_their_tenant_are_the_names_of_its_shop(tmp_path):
    rows = [
        {**CORPUS[0], "shop": "a", "shop_name": "The Old Mill"},
        {**CORPUS[1], "shop": "a", "shop_name": " Mill "},
        {"_id": "d3", "text": "Closed.", "shop": "b", "shop_name": 7},
    ]
    documents = read_folder(write(tmp_path, corpus=rows), "shop").documents
    assert {1: ["The Old Mill", "Mill"]} == shops_of(documents).names
    assert {} == shops_of(read_folder(tmp_path).documents).names
