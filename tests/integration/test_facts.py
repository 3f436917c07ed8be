"""The facts function over a real database."""

import asyncio
import json
import uuid
from pathlib import Path

import psycopg
import pytest

from functions import facts
from tests.parts.functions import bearer, is_problem, new_key, new_key_with_id, serving, unreachable
from tests.parts.searching import settings_of

DEMO = json.loads((Path(__file__).parents[2] / "ops/demo/barbershop-facts.json").read_text("utf-8"))
PATH = "/api/facts"
SMALL = {"timeZone": "Europe/London", "phone": "01632 960118"}
OTHER = {"timeZone": "Europe/London", "phone": "01632 960119"}


@pytest.fixture(scope="module")
async def app(module_database):
    async with serving(facts.create_app(settings_of(module_database, None))) as client:
        client.headers.update(bearer(new_key(module_database, None)))
        yield client


async def put(client, shop_id, document, version=None, headers=None):
    tag = {} if version is None else {"if-match": f'"{version}"'}
    return await client.put(PATH, json={"shopId": shop_id, "facts": document}, headers={**tag, **(headers or {})})


async def read(client, shop_id):
    return (await client.get(PATH, params={"shopId": shop_id})).json()


async def test_facts_are_read_as_they_were_put_and_every_version_is_kept(app, module_database):
    key_id, key = new_key_with_id(module_database, 11)
    nothing = await read(app, 11)
    assert (0, None, None) == (nothing["version"], nothing["facts"], nothing["asOf"])
    first = await put(app, 11, DEMO, headers=bearer(key))
    assert (200, 1, '"1"') == (first.status_code, first.json()["version"], first.headers["etag"])
    answer = await app.get(PATH, params={"shopId": 11})
    assert (DEMO | {"hours": answer.json()["facts"]["hours"]}, '"1"') == (
        answer.json()["facts"],
        answer.headers["etag"],
    )
    assert 200 == (await put(app, 11, SMALL, 1)).status_code
    history = (await app.get(f"{PATH}/history", params={"shopId": 11})).json()
    assert [2, 1] == [one["version"] for one in history["versions"]]
    assert str(key_id) == history["versions"][1]["changedBy"]
    assert (DEMO["prices"], 2) == (history["versions"][1]["facts"]["prices"], history["total"])
    older = (await app.get(f"{PATH}/history", params={"shopId": 11, "before": 2})).json()
    assert [1] == [one["version"] for one in older["versions"]]


async def test_reading_needs_no_key_and_everything_else_one_of_the_shop(app, module_database):
    stranger = {"authorization": ""}
    assert 200 == (await app.get(PATH, params={"shopId": 1}, headers=stranger)).status_code
    assert is_problem(await put(app, 1, SMALL, headers=stranger), 401, "unauthorized")
    other = bearer(new_key(module_database, 2))
    assert is_problem(await put(app, 1, SMALL, headers=other), 403, "forbidden")
    history = app.get(f"{PATH}/history", params={"shopId": 1}, headers=other)
    assert is_problem(await history, 403, "forbidden")
    undo = app.post(f"{PATH}/undo", json={"shopId": 1}, headers=other)
    assert is_problem(await undo, 403, "forbidden")


async def test_of_two_editors_the_second_one_is_told(app):
    await put(app, 12, SMALL)
    assert is_problem(await put(app, 12, OTHER), 428, "precondition-required")
    answers = await asyncio.gather(put(app, 12, OTHER, 1), put(app, 12, DEMO, 1))
    assert [200, 412] == sorted(answer.status_code for answer in answers)
    assert is_problem(await put(app, 12, SMALL, 1), 412, "precondition-failed")
    assert 2 == (await read(app, 12))["version"]


async def test_an_undo_restores_a_version_as_a_new_one_down_to_none(app):
    await put(app, 13, SMALL)
    await put(app, 13, OTHER, 1)
    undone = (await app.post(f"{PATH}/undo", json={"shopId": 13})).json()
    assert (3, "The facts are those of version 1 again.") == (undone["version"], undone["message"])
    assert SMALL == (await read(app, 13))["facts"]
    assert 200 == (await app.post(f"{PATH}/undo", json={"shopId": 13, "toVersion": 0})).status_code
    nothing = await read(app, 13)
    assert (4, None) == (nothing["version"], nothing["facts"])
    redone = await app.post(f"{PATH}/undo", json={"shopId": 13, "toVersion": 2}, headers={"if-match": 'W/"4"'})
    assert (200, OTHER) == (redone.status_code, (await read(app, 13))["facts"])
    for body in ({"shopId": 13, "toVersion": 9}, {"shopId": 99}):
        assert is_problem(await app.post(f"{PATH}/undo", json=body), 404, "not-found")
    stale = app.post(f"{PATH}/undo", json={"shopId": 13}, headers={"if-match": '"1"'})
    assert is_problem(await stale, 412, "precondition-failed")


async def test_the_same_idempotency_key_changes_once_and_answers_alike(app):
    key = {"idempotency-key": str(uuid.uuid4())}
    first, again = await put(app, 14, SMALL, headers=key), await put(app, 14, SMALL, headers=key)
    assert (first.content, first.headers["etag"]) == (again.content, again.headers["etag"])
    assert [None, "true"] == [one.headers.get("idempotent-replayed") for one in (first, again)]
    assert 1 == (await read(app, 14))["version"]
    assert is_problem(await put(app, 14, OTHER, headers=key), 409, "idempotency-conflict")


def with_hours(**changes):
    return {**SMALL, "hours": {"week": {}, **changes}}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({**SMALL, "timeZone": "Europe/Wexbridge"}, "/facts/timeZone"),
        ({}, "/facts/timeZone"),
        ({**SMALL, "country": "XX"}, "/facts/country"),
        ({**SMALL, "country": "GB", "region": "BY"}, "/facts/region"),
        ({**SMALL, "phone": "call us"}, "/facts/phone"),
        ({**SMALL, "colour": "red"}, "/facts/colour"),
        ({**SMALL, "prices": [{"service": "Cut", "amount": 100}]}, "/facts/currency"),
        ({**SMALL, "currency": "GBP", "prices": [{"service": "Cut", "amount": 9.5}]}, "/facts/prices/0/amount"),
        ({**SMALL, "currency": "GBP", "prices": [{"service": "Cut", "amount": 2, "upTo": 1}]}, "/facts/prices/0/upTo"),
        (
            {**SMALL, "currency": "GBP", "prices": [{"service": one, "amount": 100} for one in ("Cut", "Dye", "cut")]},
            "/facts/prices/2",
        ),
        (with_hours(week={"monday": [{"opens": "9", "closes": "17:00"}]}), "/facts/hours/week/monday/0/opens"),
        (with_hours(week={"monday": [{"opens": "09:00", "closes": "25:00"}]}), "/facts/hours/week/monday/0/closes"),
        (with_hours(yearly=[{"day": "02-30"}]), "/facts/hours/yearly/0/day"),
        (with_hours(dates=[{"date": "2026-02-30"}]), "/facts/hours/dates/0/date"),
        (
            with_hours(week={"friday": [{"opens": "09:00", "closes": "13:00"}, {"opens": "12:00", "closes": "18:00"}]}),
            "/facts/hours/week/friday",
        ),
        ({**SMALL, "staff": [{"name": " Max"}]}, "/facts/staff/0/name"),
        (with_hours(holidays=[{"name": "Good Friday"}]), "/facts/country"),
        (
            {"country": "GB", **with_hours(holidays=[{"name": "good friday"}, {"name": "Good Fryday"}])},
            "/facts/hours/holidays/1/name",
        ),
    ],
)
async def test_a_broken_rule_is_400_and_named_by_its_pointer(app, document, pointer):
    response = await put(app, 15, document)
    assert is_problem(response, 400, "invalid-request")
    assert [pointer] == [error["pointer"] for error in response.json()["errors"]]


async def test_a_broken_rule_is_told_in_words(app):
    hours = with_hours(week={"monday": [{"opens": "9:00", "closes": "17:00"}]})
    told = (await put(app, 15, {**hours, "email": "ada", "currency": "pounds"})).json()["error"]
    assert "facts/hours/week/monday/0/opens: expected a time of the wall clock, HH:MM" in told
    assert "facts/email: expected an e-mail address" in told
    assert "facts/currency: expected a currency by ISO 4217" in told
    misspelt = {"country": "GB", **with_hours(holidays=[{"name": "Good Fryday"}])}
    told = (await put(app, 15, misspelt)).json()["error"]
    assert "facts/hours/holidays/0/name: is not a public holiday there: did you mean Good Friday?" == told


@pytest.mark.parametrize("tag", ["1", '"x"', "*", '"1", "2"'])
async def test_an_if_match_that_is_no_tag_of_ours_is_400(app, tag):
    response = await app.put(PATH, json={"shopId": 15, "facts": SMALL}, headers={"if-match": tag})
    assert is_problem(response, 400, "invalid-request")


async def test_changed_facts_raise_the_knowledge_version_so_that_no_cache_outlives_them(app, module_database):
    versions = []
    with psycopg.connect(module_database.owner_dsn, autocommit=True) as owner:
        for number, document in enumerate((SMALL, OTHER)):
            await put(app, 16, document, number)
            versions.append(owner.execute("select version from shop where id = 16").fetchone()[0])
    assert versions[0] < versions[1]


async def test_the_database_itself_keeps_shops_apart_and_history_as_it_was(app, module_database):
    await put(app, 17, SMALL)
    with psycopg.connect(module_database.owner_dsn) as conn:
        conn.execute("set role edge_app")
        conn.execute("set local edge.shop_id = '18'")
        assert [] == conn.execute("select from fact where shop_id = 17").fetchall()
        for statement in ("update fact set version = 2", "delete from fact"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(statement)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute("insert into fact (shop_id, version, action) values (17, 2, 'put')")


async def test_facts_are_503_while_the_database_is_away_and_there_again_after_it(app, postgres, module_database):
    await put(app, 18, SMALL)
    with unreachable(postgres, module_database):
        assert is_problem(await app.get(PATH, params={"shopId": 18}), 503, "database-unavailable")
    assert SMALL == (await read(app, 18))["facts"]


async def test_facts_that_a_newer_release_wrote_are_read_without_what_is_new_in_them(app, module_database):
    await put(app, 19, SMALL)
    with psycopg.connect(module_database.owner_dsn, autocommit=True) as owner:
        owner.execute("set edge.shop_id = '19'")
        newer = json.dumps({**SMALL, "parking": {"spaces": 3}})
        owner.execute("insert into fact (shop_id, version, action, document) values (19, 2, 'put', %s)", [newer])
    found = await read(app, 19)
    assert (SMALL, 2) == (found["facts"], found["version"])
    assert is_problem(await put(app, 19, {**SMALL, "parking": {"spaces": 3}}, 2), 400, "invalid-request")
