"""`edge learn` on a real database and model: skipped, swapped, failed and resumed, whatever is killed in its middle."""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict

from core.settings import Settings
from ops.cli import learning, main
from tests.parts.documents import PICTURE, docx_of, pdf
from tests.parts.faulty_models import FaultyModels
from tests.parts.importing import command, environ_of, knowledge, learn, one, run, start, until_written, write_rows
from tests.parts.models import running_model_server
from tests.parts.searching import away, settings_of

VERBS = ("costs", "takes", "needs", "gives", "saves", "loses")


def rows(count, shops=1, word="thing"):
    return [
        {
            "_id": f"d{number}",
            "title": f"What about {word} {number}?",
            "text": f"It {VERBS[number % 6]} {number} coins. Ask for {word} number {number} at the desk.",
            "tenant": f"tenant-{number % shops}",
        }
        for number in range(count)
    ]


@pytest.fixture
def settings(database, model_server):
    return settings_of(database, model_server, database_timeout_s=20.0)


def test_a_second_import_skips_what_is_there_and_swaps_what_changed(settings, database, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", rows(40))
    assert 40 == learn(settings, path, "--shop", 1)["imported"]
    before = {row[1]: row for row in knowledge(database, 1)}
    changed = rows(41)
    changed[7]["text"] = "It is another text now."
    report = learn(settings, write_rows(path, changed), "--shop", 1)
    assert (2, 39, 0) == (report["imported"], report["unchanged"], report["failures"])
    after = {row[1]: row for row in knowledge(database, 1)}
    assert {"d7", "d40"} == {key for key in after if after[key] != before.get(key)}
    assert "What about thing 7?\nIt is another text now." == after["d7"][3]
    assert 41 == one(database, "select passages from shop where id = 1")


def test_every_format_of_a_folder_is_imported_and_what_fails_is_listed_and_tried_again(settings, database, tmp_path):
    folder = tmp_path / "docs"
    (folder / "below").mkdir(parents=True)
    (folder / "a.md").write_text("# Returns\nWithin 30 days.")
    (folder / "below" / "b.html").write_text("<title>T</title><p>Open daily.<script>no()</script>")
    (folder / "c.pdf").write_bytes(pdf("Parking is free."))
    (folder / "d.docx").write_bytes(docx_of(("Heading 1", "Pets"), ("Normal", "Dogs are welcome.")))
    (folder / "e.csv").write_text("question,answer\nCards?,All of them.\n")
    write_rows(folder / "f.jsonl", [{"text": "Breakfast is from seven."}, {"text": 1}])
    (folder / "g.pdf").write_bytes(b"no pdf")
    (folder / "h.png").write_bytes(b"not read at all")
    (folder / "i.md").symlink_to(folder / "a.md")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    done = run(settings, "learn", folder, "--shop", 1)
    assert 1 == done.returncode
    assert "6 imported (6 passages), 0 unchanged, 3 failed" in done.stdout
    assert f"{folder}/f.jsonl, line 2: text: expected" in done.stderr
    assert f"{folder}/g.pdf: not a PDF file" in done.stderr
    assert f"{folder}/i.md: a symbolic link" in done.stderr
    assert [
        "Returns\nWithin 30 days.", "T\nOpen daily.", "Parking is free.", "Pets\nDogs are welcome.",
        "Cards?\nAll of them.", "Breakfast is from seven.",
    ] == [row[3] for row in sorted(knowledge(database, 1), key=lambda row: row[0].rsplit("/", 1)[1])]  # fmt: skip
    assert ["", "", "a.md", "below/b.html", "c.pdf", "d.docx"] == sorted(row[5] for row in knowledge(database, 1))
    (folder / "g.pdf").write_bytes(pdf("Now it is one."))
    (folder / "i.md").unlink()
    report = learn(settings, folder, "--shop", 1)
    assert (1, 6, 1) == (report["imported"], report["unchanged"], report["failures"])


def test_pages_of_a_pdf_that_hold_no_text_are_named_and_are_no_failure(settings, tmp_path):
    path = tmp_path / "mixed.pdf"
    path.write_bytes(pdf(PICTURE, "Parking is free.", "", *[PICTURE] * 21))
    done = run(settings, "learn", path, "--shop", 1)
    assert 0 == done.returncode, done.stderr
    assert f"{path}: no text stands on page 1, 4, 5, 6," in done.stderr
    assert " 22 and 2 more: a scan" in done.stderr
    report = learn(settings, path, "--shop", 1, "--again")
    assert [{"file": str(path), "pages": [1, *range(4, 25)]}] == report["lostPages"]
    assert (1, 0) == (report["imported"], report["failures"])


def test_small_files_share_a_transaction_and_are_told_apart(settings, database, tmp_path):
    for number in range(40):
        (tmp_path / f"{number:02}.md").write_text(f"Text of file {number}.")
    (tmp_path / "08.md").write_bytes(b"\xff")
    report = learn(settings, tmp_path, "--shop", 1)
    assert (39, ["08.md"]) == (report["imported"], [Path(one["file"]).name for one in report["failed"]])
    assert one(database, "select count(distinct created_at) from document") <= 3


def test_an_import_leaves_the_cache_of_visitors_questions_alone(settings, tmp_path):
    assert 3 == learn(settings, write_rows(tmp_path / "faq.jsonl", rows(3)), "--shop", 1)["imported"]
    assert not list((settings.home / "cache").rglob("*"))


def test_files_of_a_folder_that_nobody_reads_are_told_and_are_no_failure(settings, tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("old.DOC", "prices.xlsx", "more.xlsx", ".hidden.xlsx", "~$open.docx"):
        (folder / name).write_bytes(b"x")
    done = run(settings, "learn", folder, "--shop", 5)
    assert 0 == done.returncode, done.stderr
    assert "3 files skipped (.doc, .xlsx)" in done.stdout
    report = learn(settings, folder, "--shop", 5)
    assert ({".doc": 1, ".xlsx": 2}, 0) == (report["skipped"], report["failures"])


def test_how_far_it_is_is_told_now_and_then_where_there_is_no_terminal(settings, tmp_path, monkeypatch):
    path = write_rows(tmp_path / "faq.jsonl", rows(120))
    monkeypatch.setattr(learning, "LINE_S", 0.02)
    for name, value in settings.to_environ().items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["learn", str(path), "--shop", "5"])
    assert 0 == done.exit_code, done.output
    assert re.search(r"^\d+% read, \d+ imported, 0 unchanged, 0 failed", done.stderr, re.MULTILINE)
    assert done.stdout.startswith("120 imported")


def test_tenants_keep_their_shops_in_every_later_import(settings, tmp_path):
    first = write_rows(tmp_path / "one.jsonl", rows(6, shops=3))
    second = write_rows(tmp_path / "two.jsonl", rows(8, shops=4, word="other")[::-1])
    for path in (first, second):
        assert 0 == learn(settings, path, "--tenant-field", "tenant")["failures"]
    listed = json.loads(run(settings, "knowledge", "list", "--json").stdout)
    assert {f"tenant-{number}": number + 1 for number in range(4)} == {row["tenant"]: row["shop"] for row in listed}
    assert [4, 4, 4, 2] == [row["passages"] for row in listed]


def test_what_prune_keeps_because_nothing_was_found_is_said(settings, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    last = folder / "last.md"
    last.write_text("# Only\nthe last file")
    write_rows(tmp_path / "other.jsonl", rows(2))
    learn(settings, tmp_path, "--shop", 1)
    assert [] == learn(settings, folder, "--shop", 1, "--prune")["kept"]
    last.unlink()
    told = learn(settings, folder, "--shop", 1, "--prune")
    assert (0, [{"shop": 1, "documents": 1}]) == (told["forgotten"], told["kept"])
    said = run(settings, "learn", folder, "--shop", 1, "--prune")
    assert "shop 1 goes on answering from 1 documents" in said.stderr
    assert "edge knowledge forget --shop 1" in said.stderr
    last.write_bytes(b"\xff")
    assert [] == learn(settings, folder, "--shop", 1, "--prune")["kept"]


def test_tenants_of_whom_nothing_is_left_are_said_to_be_kept(settings, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", rows(4, shops=2))
    learn(settings, path, "--tenant-field", "tenant")
    write_rows(path, rows(1))
    told = learn(settings, path, "--tenant-field", "tenant", "--prune")
    assert [2] == [one["documents"] for one in told["kept"]]


def test_what_rows_call_their_tenant_is_the_name_of_its_shop(settings, tmp_path):
    named = [{**row, "tenant_name": f"The {row['tenant']} Inn"} for row in rows(4, shops=2)]
    path = write_rows(tmp_path / "named.jsonl", named)
    assert 0 == learn(settings, path, "--tenant-field", "tenant")["failures"]
    learn(settings, path, "--tenant-field", "tenant")  # no name comes twice
    assert ["The tenant-1 Inn"] == json.loads(run(settings, "knowledge", "name", "--shop", 2, "--json").stdout)


def test_a_name_of_a_tenant_that_is_too_long_is_refused_with_its_row(settings, database, tmp_path):
    named = [
        {**row, "tenant_name": name} for row, name in zip(rows(3), ("n" * 100, "n" * 101, "b" * 300_000), strict=True)
    ]
    report = learn(settings, write_rows(tmp_path / "named.jsonl", named), "--tenant-field", "tenant")
    assert (1, 2) == (report["imported"], report["failures"])
    reason = "its tenant_name has more than 100 characters"
    assert [("line 2", reason), ("line 3", reason)] == [(one["where"], one["reason"]) for one in report["failed"]]
    assert ["n" * 100] == one(database, "select names from shop where id = 1")


def test_a_shop_gets_its_names_by_command_and_loses_them(settings):
    def told(*arguments):
        return run(settings, "knowledge", "name", "--shop", 5, *arguments)

    assert "it has no name\n" == told().stdout
    assert "The Copper Comb\nCombs\n" == told("The Copper Comb", " Combs ").stdout
    assert '["Comb"]\n' == told("Comb", "--json").stdout
    assert "[]\n" == told("--none", "--json").stdout
    assert (2, 2, 2) == (told("").returncode, told("Comb", "--none").returncode, told("n" * 101).returncode)


def test_two_documents_of_one_name_in_one_import_are_refused(settings, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", [{"_id": "x", "text": "the first"}, {"_id": "x", "text": "the second"}])
    for imported in (1, 0):
        report = learn(settings, path, "--shop", 1)
        assert (imported, 1) == (report["imported"], report["failures"])
        assert ("line 2", "'x' came before in this import") == (
            report["failed"][0]["where"],
            report["failed"][0]["reason"],
        )


def test_a_file_that_is_named_twice_is_read_once(settings, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    path = write_rows(folder / "faq.jsonl", rows(3))
    (folder / "old.doc").write_bytes(b"x")
    for imported in (3, 0):
        report = learn(settings, path, folder, folder, folder / ".." / "docs" / "faq.jsonl", "--shop", 1)
        assert (imported, 3 - imported, 0) == (report["imported"], report["unchanged"], report["failures"])
        assert (1, {".doc": 1}) == (report["files"], report["skipped"])


def test_what_is_gone_from_its_file_is_forgotten_with_prune_alone_and_never_what_failed(
    settings, database, tmp_path, monkeypatch
):
    monkeypatch.setattr("core.knowledge.library.NAMES_AT_ONCE", 2)
    folder = tmp_path / "docs"
    folder.mkdir()
    path = write_rows(folder / "faq.jsonl", rows(5))
    (folder / "a.md").write_text("First text.")
    (folder / "b.md").write_text("Second text.")
    learn(settings, folder, "--shop", 1)
    write_rows(path, rows(3))
    (folder / "a.md").unlink()
    (folder / "b.md").write_bytes(b"\xff")
    assert 0 == learn(settings, folder, "--shop", 1)["forgotten"]
    assert 3 == learn(settings, folder, "--shop", 1, "--prune")["forgotten"]
    assert ["Second text."] == [row[3] for row in knowledge(database, 1) if row[0].endswith(".md")]
    assert ["d0", "d1", "d2"] == [row[1] for row in knowledge(database, 1) if row[0].endswith(".jsonl")]


# Root reads everything, unless it gave up the right to: then what it may read is what the bits of its own files say.
BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def test_what_lies_in_a_folder_that_cannot_be_read_is_not_forgotten(settings, database, tmp_path):
    folder, shut, half = (tmp_path / "docs" / name for name in ("", "shut", "half"))
    for place in (folder, shut / "below", half):
        place.mkdir(parents=True)
        (place / "a.md").write_text(f"Text of {place.name}.")
    (folder / "b.md").write_text("Not for long.")
    assert 4 == learn(settings, folder, "--shop", 1)["imported"]
    (folder / "b.md").unlink()
    sockets = Path(conninfo_to_dict(database.owner_dsn)["host"])
    opened = {place: place.stat().st_mode for place in (sockets, *sockets.glob(".s.PGSQL.*[0-9]"))}
    for place in opened:
        place.chmod(0o777)  # another account's: who enters is still asked for the name
    shut.chmod(0)
    half.chmod(0o444)  # says what lies in it, and gives none of it
    given = command("learn", folder, folder / "shut" / "below", "--shop", 1, "--prune", "--json")
    try:
        done = subprocess.run(
            [*BOUND, *given], env=environ_of(settings), capture_output=True, text=True, timeout=100, check=False
        )
    finally:
        for place, mode in {**opened, shut: 0o700, half: 0o700}.items():
            place.chmod(mode)
    assert (1, True) == (done.returncode, bool(done.stdout)), done.stderr
    report = json.loads(done.stdout)
    assert (0, 1, 1) == (report["imported"], report["unchanged"], report["forgotten"])
    failed = {failure["file"]: failure["reason"] for failure in report["failed"]}
    assert {str(shut), str(shut / "below"), str(half / "a.md")} == failed.keys()
    assert "cannot be read: Permission denied" == failed[str(shut)]
    assert {"docs", "below", "half"} == {Path(row[0]).parent.name for row in knowledge(database, 1)}


def test_a_passage_changed_through_the_api_stays_until_its_document_changes(settings, database, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", rows(3))
    learn(settings, path, "--shop", 1)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("select set_config('edge.shop_id', '1', true)")
        conn.execute("update passage set content = 'by hand' where content like '%number 1 %'")
        conn.execute("delete from passage where content like '%number 2 %'")
    assert 3 == learn(settings, path, "--shop", 1)["unchanged"]
    assert "by hand" in [row[3] for row in knowledge(database, 1)]
    assert 3 == learn(settings, path, "--shop", 1, "--again")["imported"]
    assert "by hand" not in [row[3] for row in knowledge(database, 1)]
    assert 3 == len(knowledge(database, 1))


@contextmanager
def watching(database, statement):
    """The distinct rows that a reader saw, all the while that the block ran."""
    seen, over = set(), threading.Event()

    def watch():
        with psycopg.connect(database.superuser_dsn, autocommit=True) as conn:
            while not over.is_set():
                seen.add(conn.execute(statement).fetchone())
                over.wait(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


COUNTS = """
select count(*), count(distinct key), count(hash), (select count(*) from passage),
    (select coalesce(sum(passages), 0)::int from shop), (select count(*) from passage_vector where ordinal = 0)
from document
"""


async def test_kills_at_any_instant_leave_whole_documents_and_the_same_command_goes_on(settings, database, tmp_path):
    """The first at a random instant of the start, the others at one after something was written."""
    path = write_rows(tmp_path / "faq.jsonl", rows(240, shops=3))
    instants = random.Random(5)
    kills = 0
    with watching(database, COUNTS) as seen:
        # A machine that is quick has all of it before the fourth.
        while kills < 4 and one(database, "select count(*) from document") < 240:
            process = await start(settings, "learn", path, "--tenant-field", "tenant", "--json")
            if kills:
                await until_written(database)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), instants.uniform(0, 0.4 if kills else 2))
            if process.returncode is None:
                process.kill()
                kills += 1
            await process.communicate()
        process = await start(settings, "learn", path, "--tenant-field", "tenant", "--json")
        report = json.loads((await process.communicate())[0])
    assert kills > 1
    assert 240 == report["imported"] + report["unchanged"]
    assert report["unchanged"] > 0
    assert all(len(set(counts)) == 1 for counts in seen)
    assert [80, 80, 80] == [len(knowledge(database, shop)) for shop in (1, 2, 3)]
    assert {row["text"] for row in rows(240)} == {
        row[3].split("\n")[1] for shop in (1, 2, 3) for row in knowledge(database, shop)
    }


def test_a_changed_document_is_never_there_twice_and_never_away(settings, database, tmp_path):
    sections = "\n\n".join(f"# Part {number}\n\nSome words about part {number}." for number in range(8))
    path = tmp_path / "book.md"
    path.write_text(f"Edition 0.\n\n{sections}")
    learn(settings, path, "--shop", 1)
    with watching(database, "select count(*), count(*) filter (where content like 'Edition%') from passage") as seen:
        for edition in range(1, 4):
            path.write_text(f"Edition {edition}.\n\n{sections}")
            assert 1 == learn(settings, path, "--shop", 1)["imported"]
    assert {(9, 1)} == seen


async def until_told(process, words: bytes) -> None:
    """Read what a command tells until a line begins so; between them are lines of how far it is."""
    async with asyncio.timeout(60):
        while not (line := await process.stderr.readline()).startswith(words):
            assert line, f"it ended with {await process.wait()}"


async def test_a_database_that_goes_away_is_waited_for(settings, database, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", rows(200))
    process = await start(settings, "learn", path, "--shop", 1)
    await until_written(database)
    async with away(database):
        await until_told(process, b"waiting: The database")
    output, errors = await process.communicate()
    assert b"going on" in errors
    assert 0 == process.returncode, errors
    assert b"200 imported" in output
    assert 200 == len(knowledge(database, 1))


async def test_a_model_server_that_is_killed_is_waited_for_and_used_again(database, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", rows(200, word="killed"))
    with running_model_server() as server:
        process = await start(settings_of(database, server), "learn", path, "--shop", 1)
        await until_written(database)
        server.kill()
        await until_told(process, b"waiting: ")
        server.start()
        output, errors = await process.communicate()
    assert 0 == process.returncode, errors
    assert b"200 imported" in output


def test_a_model_server_that_stays_away_ends_the_import_with_what_was_missing(database, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", rows(3))
    done = run(settings_of(database, None), "learn", path, "--shop", 1, "--patience", 1)
    assert 1 == done.returncode
    assert "waiting: the model server" in done.stderr
    assert "stopped: the model server" in done.stderr
    assert "the same command goes on from here" in done.stderr


def test_without_a_database_it_says_how_to_start_one(tmp_path):
    done = run(Settings(home=tmp_path), "learn", tmp_path, "--shop", 1)
    assert 4 == done.returncode
    assert "start it with `make up`" in done.stderr


async def test_an_interrupted_import_says_so_and_keeps_what_it_wrote(settings, database, tmp_path):
    path = write_rows(tmp_path / "faq.jsonl", rows(240, word="stopped"))
    process = await start(settings, "learn", path, "--shop", 1)
    await until_written(database)
    process.send_signal(signal.SIGINT)
    output, errors = await process.communicate()
    assert 1 == process.returncode
    assert b"stopped: interrupted" in errors
    assert len(knowledge(database, 1)) >= int(output.split()[0]) > 0


async def test_a_watched_folder_is_imported_whenever_it_is_saved(settings, database, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("The first text.")
    process = await start(settings, "learn", folder, "--shop", 1, "--watch", "--prune", "--json")

    async def next_round():
        return json.loads(await asyncio.wait_for(process.stdout.readline(), 60))

    assert 1 == (await next_round())["imported"]
    (folder / "a.md").write_text("The second text.")
    (folder / "b.md").write_text("Another file.")
    report = await next_round()
    while report["imported"] + report["unchanged"] < 2 or "second" not in str(knowledge(database, 1)):
        report = await next_round()
    (folder / "b.md").unlink()
    assert 1 == (await next_round())["forgotten"]
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):  # `timeout` sends to the group, too
        process.send_signal(signum)
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (0, True) == (process.returncode, b"Traceback" not in errors), errors
    assert ["The second text."] == [row[3] for row in knowledge(database, 1)]


async def test_a_watched_import_that_a_part_stopped_is_begun_again_by_itself(database, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("The first text.")
    with running_model_server() as server:
        server.kill()
        settings = settings_of(database, server)
        process = await start(settings, "learn", folder, "--shop", 1, "--watch", "--json", "--patience", 1)
        report = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        assert report["stopped"].startswith("the model server")
        server.start()
        while report["stopped"]:
            report = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        assert 1 == report["imported"]
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert 0 == process.returncode
    assert b"trying again in 1 s" in errors
    assert ["The first text."] == [row[3] for row in knowledge(database, 1)]


class Deaf(FaultyModels):
    """Hangs up on whoever brings a text of poison."""

    def _embeddings(self, texts):
        if any("poison" in text for text in texts):
            raise ConnectionError
        return super()._embeddings(texts)


async def test_a_document_that_the_model_never_answers_to_fails_alone(database, tmp_path):
    """Within the patience, which is for parts that answer nobody."""
    path = write_rows(tmp_path / "faq.jsonl", [{"_id": "good", "text": "food"}, {"_id": "bad", "text": "poison"}])
    with tempfile.TemporaryDirectory(prefix="edge-") as short:
        models = Deaf(Path(short))
        await models.start()
        try:
            process = await start(settings_of(database, models), "learn", path, "--shop", 1, "--json", "--patience", 4)
            output, errors = await asyncio.wait_for(process.communicate(), 90)
        finally:
            await models.stop()
    report = json.loads(output)
    assert (1, None) == (report["imported"], report["stopped"]), errors
    assert [("line 2", True)] == [(one["where"], "others were answered" in one["reason"]) for one in report["failed"]]
    assert ["food"] == [row[3] for row in knowledge(database, 1)]
