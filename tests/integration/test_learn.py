"""The learn function over a real database and a real model."""

import asyncio
import uuid

import psycopg
import pytest

from functions import learn, search
from functions.learn.structs import MAX_ITEMS
from tests.parts.functions import bearer, is_problem, new_key, new_key_with_id, serving, unreachable
from tests.parts.searching import OPENING, PARKING, PRICES, settings_of

LEARN = "/api/knowledge/learn"
BATCH = "/api/knowledge/learn/batch"
PASSAGES = "/api/knowledge/passages"
SHOP = 3
SOME_ID = "0198f5b2-7c1e-7d43-9a50-3f6a1c2b4d5e"


@pytest.fixture(scope="module")
async def app(module_database, model_server):
    async with serving(learn.create_app(settings_of(module_database, model_server))) as client:
        yield client


@pytest.fixture(scope="module")
async def shop(module_database, app):
    app.headers.update(bearer(new_key(module_database, SHOP)))
    return app


@pytest.fixture(scope="module")
async def operator(module_database):
    return bearer(new_key(module_database, None))


async def learned(client, content=OPENING, shop_id=SHOP, headers=None, **fields):
    body = {"shopId": shop_id, "content": content, **fields}
    response = await client.post(LEARN, json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_passage_is_learned_read_replaced_and_deleted(shop):
    answer = await learned(shop, f"  {OPENING}\n", category=" hours ", source="", metadata={"a": {"b": [1]}})
    assert (True, "The passage was learned.") == (answer["success"], answer["message"])
    path, params = f"{PASSAGES}/{answer['id']}", {"shopId": SHOP}

    passage = (await shop.get(path, params=params)).json()["passage"]
    times = passage.pop("createdAt"), passage.pop("updatedAt")
    assert all(time.endswith("Z") for time in times)
    kept = {"id": answer["id"], "shopId": SHOP, "content": OPENING, "category": "hours"}
    assert passage == {**kept, "source": None, "metadata": {"a": {"b": [1]}}}

    replaced = await shop.put(path, params=params, json={"content": PRICES})
    assert (200, answer["id"]) == (replaced.status_code, replaced.json()["id"])
    passage = (await shop.get(path, params=params)).json()["passage"]
    assert (PRICES, None, {}) == (passage["content"], passage["category"], passage["metadata"])

    assert 200 == (await shop.delete(path, params=params)).status_code
    for gone in (shop.get(path, params=params), shop.delete(path, params=params)):
        assert is_problem(await gone, 404, "not-found")
    assert is_problem(await shop.put(path, params=params, json={"content": PRICES}), 404, "not-found")


async def test_a_learned_passage_is_found_by_the_next_search_of_another_function(shop, module_database, model_server):
    async with serving(search.create_app(settings_of(module_database, model_server))) as searching:
        question = {"query": "where can I park my car?", "shopId": SHOP, "threshold": 0, "limit": 100}
        before = (await searching.post("/api/knowledge/search", json=question)).json()["results"]
        passage_id = (await learned(shop, PARKING))["id"]
        after = (await searching.post("/api/knowledge/search", json=question)).json()["results"]
        await shop.delete(f"{PASSAGES}/{passage_id}", params={"shopId": SHOP})
        finally_ = (await searching.post("/api/knowledge/search", json=question)).json()["results"]
    assert [passage_id] == [result["id"] for result in after if result not in before]
    assert before == finally_


async def test_a_batch_is_learned_in_its_order_and_listed_page_by_page(shop, module_database):
    key = bearer(new_key(module_database, 8))
    items = [{"content": f"Passage number {number} of this list.", "category": "list"} for number in range(7)]
    answer = (await shop.post(BATCH, json={"shopId": 8, "items": items}, headers=key)).json()
    assert (True, 7, 7) == (answer["success"], answer["count"], len(set(answer["ids"])))
    seen, cursor, sizes = [], None, []
    while True:
        params = {"shopId": 8, "limit": 3, "category": "list"} | ({"cursor": cursor} if cursor else {})
        page = (await shop.get(PASSAGES, params=params, headers=key)).json()
        assert 7 == page["total"]
        sizes.append(page["count"])
        seen += [passage["id"] for passage in page["passages"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert [3, 3, 1] == sizes
    assert sorted(answer["ids"]) == sorted(seen)


@pytest.mark.parametrize(("category", "found"), [(" hours ", 1), ("", 2), (" ", 2), ("\t \t", 2), ("none", 0)])
async def test_a_category_is_asked_for_as_it_is_learned(shop, operator, category, found):
    shop_id = 40 + found + 10 * len(category)
    await learned(shop, OPENING, shop_id, operator, category="hours")
    await learned(shop, PRICES, shop_id, operator)
    listed = await shop.get(PASSAGES, params={"shopId": shop_id, "category": category}, headers=operator)
    assert (found, found) == (listed.json()["count"], listed.json()["total"])


async def test_a_batch_with_one_bad_item_is_refused_whole_and_the_item_named(shop, module_database):
    key = bearer(new_key(module_database, 9))
    items = [{"content": OPENING}, {"content": "short"}]
    response = await shop.post(BATCH, json={"shopId": 9, "items": items}, headers=key)
    assert is_problem(response, 400, "invalid-request")
    assert "/items/1/content" == response.json()["errors"][0]["pointer"]
    assert 0 == (await shop.get(PASSAGES, params={"shopId": 9}, headers=key)).json()["total"]


@pytest.mark.parametrize("items", [[], [{"content": OPENING}] * (MAX_ITEMS + 1), {}, None, [None]])
async def test_a_batch_holds_1_to_1000_items(shop, items):
    assert is_problem(await shop.post(BATCH, json={"shopId": SHOP, "items": items}), 400, "invalid-request")


async def test_a_batch_may_be_larger_than_one_mebibyte_and_a_passage_may_not(shop):
    metadata = {"text": "x" * (3 << 20)}
    batch = {"shopId": SHOP, "items": [{"content": OPENING, "metadata": metadata}]}
    assert 200 == (await shop.post(BATCH, json=batch)).status_code
    single = await shop.post(LEARN, json={"shopId": SHOP, "content": OPENING, "metadata": metadata})
    assert is_problem(single, 413, "payload-too-large")
    batch["items"][0]["metadata"] = {"text": "x" * (8 << 20)}
    assert is_problem(await shop.post(BATCH, json=batch), 413, "payload-too-large")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"content": " 123456789 "}, "/content"),
        ({"content": "x" * 100_001}, "/content"),
        ({"content": None}, "/content"),
        ({"shopId": None}, "/shopId"),
        ({"metadata": []}, "/metadata"),
        ({"source": "x" * 2001}, "/source"),
        ({"category": 1}, "/category"),
        ({"id": SOME_ID}, "/id"),
    ],
)
async def test_a_broken_rule_is_400_and_named_by_its_pointer(shop, change, pointer):
    response = await shop.post(LEARN, json={"shopId": SHOP, "content": OPENING, **change})
    assert is_problem(response, 400, "invalid-request")
    assert [pointer] == [error["pointer"] for error in response.json()["errors"]]


async def test_the_shop_must_be_named(shop):
    response = await shop.post(LEARN, json={"content": OPENING})
    assert is_problem(response, 400, "invalid-request")
    assert is_problem(await shop.get(PASSAGES), 400, "invalid-request")


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"shopId": 0}, "/shopId"),
        ({"shopId": "x"}, "/shopId"),
        ({"shopId": 2**31}, "/shopId"),
        ({"shopId": "9" * 5000}, "/shopId"),
        ({"shopId": SHOP, "limit": 0}, "/limit"),
        ({"shopId": SHOP, "limit": 101}, "/limit"),
        ({"shopId": SHOP, "limit": "1.5"}, "/limit"),
        ({"shopId": SHOP, "cursor": "nonsense"}, "/cursor"),
        ({"shopId": SHOP, "cursor": "é"}, "/cursor"),
        ({"shopId": SHOP, "cursor": ""}, "/cursor"),
        ({"shopId": SHOP, "category": "x" * 201}, "/category"),
    ],
)
async def test_a_broken_parameter_is_400_and_named(shop, params, pointer):
    response = await shop.get(PASSAGES, params=params)
    assert is_problem(response, 400, "invalid-request")
    assert [pointer] == [error["pointer"] for error in response.json()["errors"]]


def routes(shop_id=SHOP):
    body = {"shopId": shop_id, "content": OPENING}
    one = f"{PASSAGES}/{SOME_ID}?shopId={shop_id}"
    return {
        "learn": ("POST", LEARN, body),
        "batch": ("POST", BATCH, {"shopId": shop_id, "items": [{"content": OPENING}]}),
        "list": ("GET", f"{PASSAGES}?shopId={shop_id}", None),
        "read": ("GET", one, None),
        "replace": ("PUT", one, {"content": OPENING}),
        "delete": ("DELETE", one, None),
    }


BAD_KEYS = {
    "none": {},
    "empty": {"authorization": ""},
    "another scheme": {"authorization": "Basic dXNlcjpwYXNz"},
    "no key": {"authorization": "Bearer"},
    "no key of ours": {"authorization": "Bearer x"},
    "an unknown one": {"authorization": "Bearer edge_" + "A" * 43},
    "too long": {"authorization": "Bearer edge_" + "A" * 5000},
    "bytes": {b"authorization": b"Bearer edge_\xff\xfe" + b"A" * 41},
}


@pytest.mark.parametrize("route", routes())
@pytest.mark.parametrize("key", BAD_KEYS)
async def test_every_route_needs_a_key_that_exists(app, route, key):
    method, path, body = routes()[route]
    saved = app.headers.pop("authorization", None)
    try:
        response = await app.request(method, path, json=body, headers=BAD_KEYS[key])
    finally:
        if saved:
            app.headers["authorization"] = saved
    assert is_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", routes())
async def test_a_key_of_another_shop_is_403_on_every_route(shop, route):
    method, path, body = routes(shop_id=SHOP + 1)[route]
    assert is_problem(await shop.request(method, path, json=body), 403, "forbidden")


async def test_the_operators_key_is_for_every_shop(shop, operator):
    assert (await learned(shop, shop_id=SHOP + 1, headers=operator))["success"]


async def test_a_revoked_key_is_401_with_the_next_request(shop, module_database):
    key_id, secret = new_key_with_id(module_database, SHOP)
    await learned(shop, headers=bearer(secret))
    with psycopg.connect(module_database.owner_dsn) as owner:
        owner.execute("update api_key set revoked_at = now() where id = %s", [key_id])
    response = await shop.get(PASSAGES, params={"shopId": SHOP}, headers=bearer(secret))
    assert is_problem(response, 401, "unauthorized")


async def test_the_scheme_is_known_whatever_its_case(shop, module_database):
    headers = {"authorization": f"bEaReR {new_key(module_database, SHOP)}"}
    assert 200 == (await shop.get(PASSAGES, params={"shopId": SHOP}, headers=headers)).status_code


async def test_a_passage_of_another_shop_does_not_exist(shop, operator):
    passage_id = (await learned(shop))["id"]
    response = await shop.get(f"{PASSAGES}/{passage_id}", params={"shopId": SHOP + 1}, headers=operator)
    assert is_problem(response, 404, "not-found")


async def total(client):
    return (await client.get(PASSAGES, params={"shopId": SHOP})).json()["total"]


async def test_the_same_key_and_request_is_answered_again_and_done_once(shop):
    before, key = await total(shop), {"idempotency-key": str(uuid.uuid4())}
    answers = [await learned(shop, headers=key) for _ in range(2)]
    assert answers[0] == answers[1]
    assert before + 1 == await total(shop)


async def test_equal_requests_at_once_are_done_once(shop):
    before, key = await total(shop), {"idempotency-key": str(uuid.uuid4())}
    answers = await asyncio.gather(*(learned(shop, headers=key) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert before + 1 == await total(shop)


@pytest.mark.parametrize("other", ["another body", "another route", "another passage"])
async def test_the_same_key_with_another_request_is_409(shop, other):
    headers = {"idempotency-key": str(uuid.uuid4())}
    passage_id = (await learned(shop, headers=headers))["id"]
    attempts = {
        "another body": ("POST", LEARN, {"shopId": SHOP, "content": PRICES}),
        "another route": ("POST", BATCH, {"shopId": SHOP, "items": [{"content": OPENING}]}),
        "another passage": ("DELETE", f"{PASSAGES}/{passage_id}?shopId={SHOP}", None),
    }
    method, path, body = attempts[other]
    response = await shop.request(method, path, json=body, headers=headers)
    assert is_problem(response, 409, "idempotency-conflict")


async def test_a_repeated_delete_under_its_key_is_answered_as_the_first(shop):
    passage_id = (await learned(shop))["id"]
    path, headers = f"{PASSAGES}/{passage_id}?shopId={SHOP}", {"idempotency-key": str(uuid.uuid4())}
    first, second = [await shop.delete(path, headers=headers) for _ in range(2)]
    assert (200, first.content) == (second.status_code, second.content)


async def test_an_answer_that_was_given_before_says_so_and_the_first_does_not(shop):
    body, headers = {"shopId": SHOP, "content": OPENING}, {"idempotency-key": str(uuid.uuid4())}
    first, again = [await shop.post(LEARN, json=body, headers=headers) for _ in range(2)]
    assert (None, "true") == tuple(one.headers.get("idempotent-replayed") for one in (first, again))
    assert "idempotent-replayed" not in (await shop.post(LEARN, json=body)).headers


async def test_of_equal_requests_at_once_one_is_the_first(shop):
    body, headers = {"shopId": SHOP, "content": OPENING}, {"idempotency-key": str(uuid.uuid4())}
    answers = await asyncio.gather(*(shop.post(LEARN, json=body, headers=headers) for _ in range(5)))
    assert [None] + ["true"] * 4 == sorted((one.headers.get("idempotent-replayed") for one in answers), key=bool)


async def test_keys_belong_to_a_shop(shop, operator):
    headers = {"idempotency-key": str(uuid.uuid4())}
    ids = {(await learned(shop, shop_id=shop_id, headers=headers | operator))["id"] for shop_id in (SHOP, SHOP + 1)}
    assert 2 == len(ids)


@pytest.mark.parametrize("key", [b"", b" ", b"x" * 256, b"a b", b"\xff", b"a\tb", "é".encode()])
async def test_an_idempotency_key_is_1_to_255_visible_characters(shop, key):
    body = {"shopId": SHOP, "content": OPENING}
    response = await shop.post(LEARN, json=body, headers={b"idempotency-key": key})
    assert is_problem(response, 400, "invalid-request")


async def test_two_idempotency_keys_are_400(shop):
    headers = [("idempotency-key", "a"), ("idempotency-key", "b"), ("authorization", shop.headers["authorization"])]
    response = await shop.post(LEARN, json={"shopId": SHOP, "content": OPENING}, headers=headers)
    assert is_problem(response, 400, "invalid-request")


async def test_without_the_model_nothing_is_learned_and_the_answer_is_503(database):
    async with serving(
        learn.create_app(settings_of(database, None)), headers=bearer(new_key(database, SHOP))
    ) as client:
        response = await client.post(LEARN, json={"shopId": SHOP, "content": OPENING})
        assert is_problem(response, 503, "model-unavailable")
        assert int(response.headers["retry-after"]) >= 1
        assert 0 == await total(client)


async def test_without_the_database_the_answer_is_503_until_it_is_back(postgres, database, model_server):
    settings = settings_of(database, model_server, database_timeout_s=1.0)
    async with serving(learn.create_app(settings), headers=bearer(new_key(database, SHOP))) as client:
        with unreachable(postgres, database):
            response = await client.post(LEARN, json={"shopId": SHOP, "content": OPENING})
        assert is_problem(response, 503, "database-unavailable")
        assert int(response.headers["retry-after"]) >= 1
        await learned(client)


@pytest.mark.parametrize("cursor", ["f" * 32, "A" * 32, "_" * 32, "g" + "A" * 31])
async def test_a_forged_cursor_is_only_a_place_in_the_list(shop, cursor):
    response = await shop.get(PASSAGES, params={"shopId": SHOP, "cursor": cursor})
    assert 200 == response.status_code
