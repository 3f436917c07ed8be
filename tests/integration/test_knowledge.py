"""`edge knowledge`: out as JSONL and in again with nothing lost; listed; forgotten, and nothing else with it."""

import asyncio
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import click
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.db.documents import forget_documents, forget_loose
from core.db.dsn import application_conninfo
from core.db.pool import Database
from core.knowledge.document import NewPassage
from core.knowledge.learner import Learner
from core.settings import Settings
from ops.cli.settings import plain_errors
from tests.parts.importing import command, environ_of, export_lines, knowledge, learn, one, run, write_rows
from tests.parts.searching import ids_reply, parts, settings_of

EVERYTHING = """
select p.id, content, category, source, metadata, p.created_at, p.updated_at, file, key, hash
from passage p left join document d on d.shop_id = p.shop_id and d.id = p.document_id where p.shop_id = 1 order by p.id
"""


@pytest.fixture(scope="module")
def settings(module_database, model_server) -> Settings:
    return settings_of(module_database, model_server)


def everything(settings):
    with psycopg.connect(application_conninfo(settings)) as conn:
        conn.execute("select set_config('edge.shop_id', '1', true)")
        return conn.execute(EVERYTHING).fetchall()


def forget_all(settings):
    async def forget():
        database = await Database.open(settings)
        try:
            await forget_documents(database, 1)
            await forget_loose(database, 1)
        finally:
            await database.close()

    # In a thread of its own: in this one a loop may run, or be the test's.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, forget()).result()


@pytest.fixture
def nothing_known(settings):
    forget_all(settings)


async def teach(settings, *items):
    async with parts(settings) as (database, embedder, _):
        await Learner(database, embedder).learn(1, items, ids_reply)


def exported(settings, path, *arguments):
    done = run(settings, "knowledge", "export", "--shop", 1, "-o", path, *arguments)
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in path.read_text().splitlines()]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
VISIBLE = TEXT.filter(lambda text: text.strip() and text.strip(" \t\r\n"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ROW = st.fixed_dictionaries(
    {"text": VISIBLE},
    optional={
        "_id": VISIBLE | st.integers(0, 2**60),
        "title": VISIBLE,
        "category": VISIBLE,
        "source": VISIBLE,
        "metadata": st.dictionaries(TEXT, JSON, max_size=3),
    },
)


@hypothesis_settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, min_size=1, max_size=12, unique_by=lambda row: str(row.get("_id", id(row)))))
def test_whatever_was_imported_comes_back_as_it_was(settings, tmp_path, rows):
    forget_all(settings)
    report = learn(settings, write_rows(tmp_path / "rows.jsonl", rows), "--shop", 1)
    before = everything(settings)
    assert len(before) == report["imported"] == len(rows) - report["failures"]
    export = tmp_path / "export.jsonl"
    export.write_bytes(export_lines(settings, 1))
    forget_all(settings)
    assert [] == everything(settings)
    assert 0 == learn(settings, export, "--shop", 1)["failures"]
    assert before == everything(settings)
    assert export.read_bytes() == export_lines(settings, 1)


@pytest.mark.usefixtures("nothing_known")
async def test_passages_of_files_and_those_written_one_by_one_come_back_with_ids_times_and_documents(
    settings, tmp_path
):
    (tmp_path / "book.md").write_text("# One\n\nFirst.\n\n# Two\n\nSecond.\n\n# Three\n\nThird.")
    assert 0 == run(settings, "learn", tmp_path / "book.md", "--shop", 1).returncode
    await teach(settings, NewPassage("By hand.", "cat", "src", {"a": [1, {"b": None}], "c": 1.5}), NewPassage("Alone."))
    before = everything(settings)
    rows = exported(settings, tmp_path / "out.jsonl")
    assert 5 == len(rows)
    assert ["One\nFirst.", "Two\nSecond.", "Three\nThird."] == [row["text"] for row in rows if row["_document"]]
    forgotten = run(settings, "knowledge", "forget", "--shop", 1, "--all", "--yes", "--json")
    assert {"documents": 1, "passages": 2} == json.loads(forgotten.stdout)
    assert [] == everything(settings)
    assert 0 == run(settings, "learn", tmp_path / "out.jsonl", "--shop", 1).returncode
    assert before == everything(settings)
    again = run(settings, "learn", tmp_path / "out.jsonl", tmp_path / "book.md", "--shop", 1, "--json")
    report = json.loads(again.stdout)
    assert (0, 4, 0) == (report["imported"], report["unchanged"], report["failures"])


@pytest.mark.usefixtures("nothing_known")
def test_what_the_shop_does_not_know_is_not_said_to_be_forgotten(settings, tmp_path):
    (tmp_path / "book.md").write_text("First.")
    assert 0 == run(settings, "learn", tmp_path / "book.md", "--shop", 1).returncode
    wrong = run(settings, "knowledge", "forget", "--shop", 1, tmp_path / "book.md", tmp_path / "nonsense.md", "--yes")
    assert (1, "") == (wrong.returncode, wrong.stdout)
    assert f"shop 1 knows nothing from {tmp_path / 'nonsense.md'}" in wrong.stderr
    assert 1 == len(everything(settings))
    done = run(settings, "knowledge", "forget", "--shop", 1, "--all", "--yes")
    assert (0, "forgot 1 documents\n") == (done.returncode, done.stdout)


@pytest.mark.usefixtures("nothing_known")
async def test_an_edited_export_replaces_what_it_was_made_of(settings, tmp_path):
    (tmp_path / "book.md").write_text("# One\n\nFirst.\n\n# Two\n\nSecond.")
    run(settings, "learn", tmp_path / "book.md", "--shop", 1)
    await teach(settings, NewPassage("By hand."))
    rows = exported(settings, tmp_path / "out.jsonl")
    for row in rows:
        row["text"] = row["text"].replace("First", "Premier").replace("hand", "machine")
    done = run(settings, "learn", write_rows(tmp_path / "out.jsonl", rows), "--shop", 1, "--json")
    assert 2 == json.loads(done.stdout)["imported"]
    found = everything(settings)
    assert {"One\nPremier.", "Two\nSecond.", "By machine."} == {row[1] for row in found}
    assert {row["_id"] for row in rows} == {str(row[0]) for row in found}
    done = run(settings, "learn", tmp_path / "book.md", "--shop", 1, "--json")
    assert 1 == json.loads(done.stdout)["imported"]
    assert {"One\nFirst.", "Two\nSecond.", "By machine."} == {row[1] for row in everything(settings)}


@pytest.mark.usefixtures("nothing_known")
def test_a_backup_brings_back_what_was_edited_and_deleted_since(settings, tmp_path):
    (tmp_path / "book.md").write_text("# One\n\nFirst.\n\n# Two\n\nSecond.\n\n# Three\n\nThird.")
    learn(settings, tmp_path / "book.md", "--shop", 1)
    asyncio.run(teach(settings, NewPassage("By hand.", "cat"), NewPassage("Alone.")))
    before = everything(settings)
    (tmp_path / "backup.jsonl").write_bytes(export_lines(settings, 1))
    ids = {row[1]: row[0] for row in before}

    async def change():
        async with parts(settings) as (database, embedder, _):
            learner = Learner(database, embedder)
            await learner.delete(1, ids["Two\nSecond."], ids_reply)
            await learner.delete(1, ids["Alone."], ids_reply)
            await learner.replace(1, ids["By hand."], NewPassage("By machine.", "cat"), ids_reply)

    asyncio.run(change())
    for imported, unchanged in ((3, 0), (0, 3)):
        report = learn(settings, tmp_path / "backup.jsonl", "--shop", 1)
        assert (imported, unchanged, 0) == (report["imported"], report["unchanged"], report["failures"])
        assert before == everything(settings)


@pytest.mark.usefixtures("nothing_known")
def test_an_edited_export_is_written_once(settings, tmp_path):
    (tmp_path / "book.md").write_text("# One\n\nFirst.\n\n# Two\n\nSecond.")
    learn(settings, tmp_path / "book.md", "--shop", 1)
    rows = [json.loads(line) for line in export_lines(settings, 1).splitlines()]
    rows[0]["text"] = "One\nPremier."
    path = write_rows(tmp_path / "edited.jsonl", rows)
    assert [1, 0] == [learn(settings, path, "--shop", 1)["imported"] for _ in range(2)]


@pytest.mark.usefixtures("nothing_known")
def test_a_damaged_line_of_an_export_forgets_no_passage(settings, tmp_path):
    (tmp_path / "book.md").write_text("# One\n\nFirst.\n\n# Two\n\nSecond.\n\n# Three\n\nThird.")
    learn(settings, tmp_path / "book.md", "--shop", 1)
    before = everything(settings)
    first, second, third = export_lines(settings, 1).splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_bytes(first + second[:40] + b"\n" + third)
    report = learn(settings, tmp_path / "cut.jsonl", "--shop", 1, "--again")
    assert (0, 2) == (report["imported"], report["failures"])
    assert "line 2 cannot be read and may be a row of it" in report["failed"][1]["reason"]
    assert before == everything(settings)


@pytest.mark.usefixtures("nothing_known")
async def test_list_and_forget_go_by_file_and_folder(settings, module_database, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (tmp_path / "docs.md").write_text("Not below the folder.")
    for name in ("a_b", "axb"):
        (folder / f"{name}.md").write_text(f"Text of {name}.")
    assert 0 == run(settings, "learn", folder, tmp_path / "docs.md", "--shop", 1).returncode
    await teach(settings, NewPassage("By hand."))
    listed = json.loads(run(settings, "knowledge", "list", "--shop", 1, "--json").stdout)
    names = [str(tmp_path / name) for name in ("docs.md", "docs/a_b.md", "docs/axb.md")]
    assert [*names, None] == [row["file"] for row in listed]
    assert [1, 1, 1, 1] == [row["passages"] for row in listed]
    for what in (folder / "a_b.md", folder):
        done = run(settings, "knowledge", "forget", "--shop", 1, what, "--yes")
        assert "forgot 1 documents" in done.stdout
    assert {"By hand.", "Not below the folder."} == {row[3] for row in knowledge(module_database, 1)}


def test_forget_asks_and_takes_no_for_an_answer(settings):
    done = run(settings, "knowledge", "forget", "--shop", 1, "--all")
    assert 1 == done.returncode
    assert "Forget everything of shop 1?" in done.stderr
    assert 2 == run(settings, "knowledge", "forget", "--shop", 1).returncode


def test_an_export_that_cannot_be_written_says_so_and_leaves_no_half_file(settings, tmp_path):
    done = run(settings, "knowledge", "export", "--shop", 1, "-o", tmp_path / "gone" / "out.jsonl")
    assert 1 == done.returncode
    assert "No such file or directory" in done.stderr
    assert [] == list(tmp_path.iterdir())


FILL = """
insert into shop (id) values (1) on conflict do nothing;
insert into document (shop_id, id, file) select 1, gen_random_uuid(), n::text from generate_series(1, 150) as n;
insert into passage (shop_id, id, content, document_id)
select 1, gen_random_uuid(), repeat('Words. ', 30), id from document, generate_series(1, 8)
union all select 1, gen_random_uuid(), 'Alone.', null from generate_series(1, 600);
"""
SESSIONS = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


@pytest.mark.usefixtures("nothing_known")
def test_a_reader_who_stops_in_the_middle_of_an_export_gets_the_rest_whenever_he_goes_on(settings, module_database):
    with psycopg.connect(module_database.superuser_dsn) as conn:
        conn.execute("select set_config('edge.shop_id', '1', true)")
        conn.execute(FILL)
    hurried = settings_of(module_database, None, database_timeout_s=0.5)
    before = one(module_database, SESSIONS)
    with subprocess.Popen(
        command("knowledge", "export", "--shop", 1), env=environ_of(hurried), stdout=subprocess.PIPE, bufsize=0
    ) as process:
        read = process.stdout.read(1)  # more than fits into a pipe is to come
        deadline = time.monotonic() + 60
        while one(module_database, SESSIONS) > before:  # over by itself, or by its limit of two seconds
            assert time.monotonic() < deadline
        read += process.stdout.read()
    assert export_lines(settings, 1) == read
    assert 1800 == len(set(read.splitlines()))


def test_of_an_error_of_the_database_its_sentence_is_said_and_not_where_it_was(settings):
    with (
        psycopg.connect(application_conninfo(settings)) as conn,
        pytest.raises(click.ClickException) as said,
        plain_errors(psycopg.Error),
    ):
        conn.execute("do $$ begin raise 'enough'; end $$")
    assert "enough" == said.value.message
