"""Collections as people leave them in folders."""

import json

import pytest

from ops.evaluation.folder import FolderError, read_folder

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
    many = [{"_id": f"x{number}", "text": "Something else."} for number in range(40)]
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
    assert 42 == len(collection.documents)
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
