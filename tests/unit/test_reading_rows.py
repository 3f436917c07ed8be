"""Rows: what they may hold, what they become, what is refused with which words."""

import pytest

from ops.reading import table
from ops.reading.refusals import UnreadableError
from ops.reading.rows import exported, found, parse_row
from ops.reading.table import _columns, _delimiter, _row
from ops.reading.wire import Refused, Task

TASK = Task(b"/f.jsonl", "/f.jsonl", "f.jsonl", "utf-8")
OF_TENANTS = Task(b"/f.jsonl", "/f.jsonl", "f.jsonl", "utf-8", tenant_field="tenant")


def document(line, task=TASK):
    return found(parse_row(line), task, "line 1", 0).document


def test_a_row_is_a_document_with_one_passage():
    line = b'{"_id": 7, "title": "Open?", "text": " Yes. ", "category": "hours", "source": "s", "metadata": {"a": [1]}}'
    (passage,) = document(line).passages
    assert ("/f.jsonl", "7") == document(line).name
    assert ("Open?\nYes.", "hours", "s", {"a": [1]}) == (
        passage.content,
        passage.category,
        passage.source,
        passage.metadata,
    )


def test_fields_that_nobody_knows_become_metadata_and_metadata_wins():
    (passage,) = document(b'{"text": "x", "price": 3, "metadata": {"price": 4}, "note": null}').passages
    assert {"price": 4, "note": None} == passage.metadata


def test_a_title_that_the_text_begins_with_is_not_said_twice():
    assert ["Beard trim costs 14"] == [
        p.content for p in document(b'{"title":"Beard","text":"Beard trim costs 14"}').passages
    ]


def test_a_row_without_id_is_named_by_its_line():
    assert "line 1" == document(b'{"text": "x"}').key


def test_the_hash_is_of_all_that_a_passage_is_made_of():
    rows = [b'{"text":"x"}', b'{"text":"y"}', b'{"text":"x","category":"c"}', b'{"text":"x","source":"s"}']
    rows += [b'{"text":"x","metadata":{"a":1}}', b'{"text":"x","metadata":{"a":1.0}}']
    assert len(rows) == len({document(row).hash for row in rows})
    same = [b'{"text":"x","metadata":{"a":1,"b":2}}', b'{ "metadata":{"b":2,"a":1}, "text":"x "}']
    assert 1 == len({document(row).hash for row in same})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nope", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "neither text nor title"),
        (b'{"text": 1}', "text: expected"),
        (b'{"text": "x", "metadata": []}', "metadata: expected"),
        (b'{"text": "x", "category": "%s"}' % (b"c" * 201), "category"),
        (b'{"text": "x", "_id": "%s"}' % (b"i" * 501), "_id has more than"),
        (b'{"text": "x", "_id": true}', "_id: expected"),
        (b'{"text": "a\\u0000b"}', "NUL"),
        (b'{"text": "\\ud800"}', "surrogate"),
        (b'{"text": "x", "metadata": {"a": 1e400}}', "too large"),
        (b'{"text": "x", "text": "y"}', "a key twice"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (b'{"text": "x", "metadata": %s}' % (b'{"a":' * 5000 + b"1" + b"}" * 5000), "nested deeper"),
        (b'{"_document": null, "text": "x"}', "_id"),
        (b'{"_document": 3, "_id": "x", "text": "x"}', "_id|_document"),
        (None, "longer than"),
    ],
)
def test_a_row_that_cannot_be_one_is_refused_with_its_reason(line, reason):
    def read():
        row = parse_row(line)
        return exported(row) or found(row, TASK, "line 1", 0)

    with pytest.raises(UnreadableError, match=reason):
        read()


def test_a_row_names_its_tenant_and_one_without_is_nobodys():
    row = found(parse_row(b'{"text": "x", "tenant": 12}'), OF_TENANTS, "line 1", 0)
    assert ("12", {}) == (row.tenant, row.document.passages[0].metadata)
    for line in (b'{"text": "x"}', b'{"text": "x", "tenant": " "}', b'{"text": "x", "tenant": true}'):
        with pytest.raises(UnreadableError, match="whose it is"):
            document(line, OF_TENANTS)


@pytest.mark.parametrize(
    ("line", "delimiter"), [("a,b", ","), ("a;b,c;d", ";"), ("a\tb", "\t"), ("a|b", "|"), ("a", ",")]
)
def test_a_table_is_cut_at_what_its_first_line_has_most_of(line, delimiter):
    assert delimiter == _delimiter(line)


def test_columns_have_other_names_elsewhere():
    assert ["title", "text", "Price"] == _columns(["Question", " answer ", "Price"])
    assert ["text", "answer"] == _columns(["text", "answer"])


def test_a_table_without_text_says_what_it_has():
    with pytest.raises(UnreadableError, match=r"no column text.*among foo, bar"):
        _columns(["foo", "bar"])


def test_a_formula_is_text():
    assert {"text": "=HYPERLINK(1)"} == _row(["text", "note"], ["=HYPERLINK(1)", " "])


def told(folder, content):
    """What a table says: of each row its text and metadata with its place, or why not."""
    path = folder / "faq.csv"
    path.write_bytes(content)
    for message in table.read(Task(bytes(path), str(path), "faq.csv", "utf-8")):
        if isinstance(message, Refused):
            yield message.where, message.reason
        else:
            (passage,) = message.document.passages
            yield message.where, passage.content, passage.metadata


def test_metadata_of_a_table_is_an_object_in_json_whatever_the_case_of_its_name(tmp_path):
    content = b'text,Metadata,price\nTrim,"{""a"": [1]}",14\nWash,,9\nCut,soon,1\nDye,[1],2\n'
    assert [
        ("line 2", "Trim", {"a": [1], "price": "14"}),
        ("line 3", "Wash", {"price": "9"}),
        ("line 4", "metadata: it is not JSON: line 1, column 1"),
        ("line 5", "metadata: not a JSON object"),
    ] == [*told(tmp_path, content)]


@pytest.mark.parametrize(
    "content",
    [
        b"title;text\n;;\na;b\n;\n\n ; \nc;d\n;;\n",
        b"sep=;\r\ntitle;text\r\na;b\r\nc;d\r\n",
        b'"sep=;"\ntitle;text\na;b\nc;d\n',
        b'\n "sep=;"\ntitle;text\na;b\nc;d\n',
        b"title;;text;;n\na;;b;;\nc;;d\n",
        b";;\ntitle;text;;\na;b;;\nc;d;;;;\n",
        b"SEP=\t\ntitle\ttext\na\tb\nc\td",
    ],
)
def test_what_a_spreadsheet_saves_around_its_table_is_no_row(tmp_path, content):
    assert ["a\nb", "c\nd"] == [content for _, content, _ in told(tmp_path, content)]


def test_rows_are_told_by_the_line_at_which_they_stand_whatever_stands_before_them(tmp_path):
    assert ["line 3", "line 5"] == [where for where, *_ in told(tmp_path, b"sep=,\ntext\na\n,\nb\n")]


def test_a_cell_beyond_the_columns_is_refused():
    with pytest.raises(UnreadableError, match="has 3 cells, the first line names 2"):
        _row(["title", "text"], ["a", "b", "c", ""])
