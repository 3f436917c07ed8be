"""The words of codes and numbers: the same however they are written, also in what was stored before."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from core.db.conversations import LOCK_SHOP
from core.db.migrate import FOLDER, migrate
from tests.parts.stack import wait_until

LEXEMES = {
    "GN-5294": "5294 gn gn5294",
    "gn 5294": "5294 gn",
    "GN5294": "5294 gn gn5294",
    "GN\u20115294 and GN\u20135294": "5294 gn gn5294",
    "GN/5294": "5294 gn",
    "GN_5294": "5294 gn",
    "5294-GN": "5294 gn",
    "AB12-CD34": "12 34 ab ab12cd34 cd",
    "WH-1000XM4": "1000xm 4 wh wh1000xm4",
    "Ж-12": "12 ж ж12",
    "COVID-19-vaccine": "19 covid covid19 vaccin",
    "iPhone12": "12 iphon iphone12",
    "type 2": "2 type",
    "9-5": "5 9",
    "555-0182": "0182 555",
    "07700-900123": "07700 900123",
    "2024-05-01": "01 05 2024",
    "10:30": "10 30",
    "10am": "10am",
    "24-hour": "24 hour",
    "10am-5pm": "10am 5pm",
    "4x4": "4 4x 4x4",
    "ISO 9001": "9001 iso iso9001",
    "Iso 9001 for 30 IN 2024": "2024 30 9001 in2024 iso",
    "-5 °C": "-5 c",
    "at −5 or x=-5": "-5 5 x",  # noqa: RUF001 - a real minus is no sign to the parser
    "3.14 and £7.50": "3.14 7.50",
    "1.2.3": "1.2.3",
    "v1.2.3": "1.2.3 v v1",
    "fits 3.5-inch": "3.5 fit inch",
    "1/2": "1/2",
    "state-of-the-art": "art state state-of-the-art",
    "ada@x.org": "ada@x.org",
}


@pytest.mark.parametrize("text", LEXEMES)
def test_the_words_of(module_database, text):
    with psycopg.connect(module_database.app_dsn) as conn:
        found = conn.execute("select array(select lexemes('english', %s))", [text]).fetchone()
    assert LEXEMES[text] == " ".join(sorted(found[0]))


SAME = [
    ("how much is gn 5294", "Part GN-5294 costs 72"),
    ("GN5294", "Part GN-5294 costs 72"),
    ("COVID19", "the COVID-19 test"),
    ("covid 19", "the COVID-19 test"),
    ("9 to 5", "open 9-5"),
    ("iphone12", "for the iPhone 12"),
    ("write to ada-99@shop4you.org", "Ada is ada-99@shop4you.org"),
    ("https://shop4you.org/part-12?x=1-2", "see https://shop4you.org/part-12?x=1-2 for more"),
]


@pytest.mark.parametrize(("question", "passage"), SAME)
def test_what_is_written_otherwise_shares_its_numbers(module_database, question, passage):
    with psycopg.connect(module_database.app_dsn) as conn:
        numbers, there = (
            {lexeme for (lexeme,) in conn.execute("select lexemes('english', %s)", [text])}
            for text in (question, passage)
        )
    assert {lexeme for lexeme in numbers if lexeme.isdigit()} & there
    if "." in question:
        assert numbers - {"write"} <= there


def old_folder(tmp_path):
    """The migrations of before codes were words."""
    made = tmp_path / "migrations"
    made.mkdir()
    for migration in FOLDER.glob("*.sql"):
        if migration.name < "0015":
            shutil.copy(migration, made)
    return made


def test_the_words_of_before_are_mended_and_no_others(postgres, tmp_path):
    texts = {
        1: ["part GN-5294 costs 72", "closed on sundays", "10am or 9-5, ISO 9001"],
        2: ["no digits here", "3.14 and -5 only"],
    }
    with postgres.fresh(tmp_path, template="edge") as fresh:
        migrate(fresh.owner_dsn, old_folder(tmp_path))
        with psycopg.connect(fresh.superuser_dsn, autocommit=True) as conn:
            for shop, contents in texts.items():
                with conn.transaction():
                    conn.execute("select set_config('edge.shop_id', %s, true)", [str(shop)])
                    conn.execute(
                        "insert into passage (shop_id, id, content) select %s, gen_random_uuid(), unnest(%s::text[])",
                        [shop, contents],
                    )
            kept = "select shop_id, passage_id, lexeme, xmin::text from posting"
            before = set(conn.execute(kept).fetchall())
            versions = dict(conn.execute("select id, version from shop").fetchall())
            assert "-5294" in {row[2] for row in before}
            migrate(fresh.owner_dsn)
            after = set(conn.execute(kept).fetchall())
            assert {"-5294", "-5"} == {row[2] for row in before - after}
            assert {"5294", "gn5294", "5", "iso9001"} == {row[2] for row in after - before}
            df = "select shop_id, lexeme, df from term order by 1, 2"
            counted = "select shop_id, lexeme, count(*)::int from posting group by 1, 2 order by 1, 2"
            true = (
                "select shop_id, lexeme, count(*)::int from passage, lexemes('english', content) as lexeme"
                " group by 1, 2 order by 1, 2"
            )
            assert conn.execute(df).fetchall() == conn.execute(counted).fetchall() == conn.execute(true).fetchall()
            now = dict(conn.execute("select id, version from shop").fetchall())
    assert now[1] > versions[1]
    assert now[2] == versions[2]


def test_who_holds_a_shop_while_it_is_mended_writes_and_is_mended_too(postgres, tmp_path):
    insert = "insert into passage (shop_id, id, content) values (1, gen_random_uuid(), %s)"
    waits = "select from pg_stat_activity where usename = 'edge_owner' and wait_event_type = 'Lock'"
    with postgres.fresh(tmp_path, template="edge") as fresh, ThreadPoolExecutor(1) as beside:
        migrate(fresh.owner_dsn, old_folder(tmp_path))
        with psycopg.connect(fresh.superuser_dsn) as writer, psycopg.connect(fresh.superuser_dsn) as watcher:
            watcher.autocommit = True
            for content in ("part GN-5294 costs 72", "part GN-5295 costs 15"):
                writer.execute("select set_config('edge.shop_id', '1', true)")
                if "5295" in content:  # as a write under an Idempotency-Key does, before it touches its table
                    writer.execute(LOCK_SHOP)
                    mended = beside.submit(migrate, fresh.owner_dsn)
                    wait_until(lambda: watcher.execute(waits).fetchone() is not None)
                writer.execute(insert, [content])
                writer.commit()
            mended.result(timeout=60)
            words = {lexeme for (lexeme,) in watcher.execute("select lexeme from posting").fetchall()}
    assert {"gn5294", "gn5295"} <= words
    assert not {"-5294", "-5295"} & words
