"""Bodies, parameters and headers that are wrong in every way we know of, on every route that takes them."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import learn, search
from tests.parts.functions import bearer, is_problem, new_key, serving
from tests.parts.searching import OPENING, settings_of
from tests.unit.test_json_text import BAD

SOME_ID = "0198f5b2-7c1e-7d43-9a50-3f6a1c2b4d5e"
ONE = f"/api/knowledge/passages/{SOME_ID}?shopId=1"
ROUTES = {
    "search": ("POST", "/api/knowledge/search", {"query": "Are you open?", "category": "hours"}),
    "learn": (
        "POST",
        "/api/knowledge/learn",
        {"shopId": 1, "content": OPENING, "category": "c", "source": "s", "metadata": {"key": ["value"]}},
    ),
    "batch": (
        "POST",
        "/api/knowledge/learn/batch",
        {"shopId": 1, "items": [{"content": OPENING, "category": "c", "source": "s", "metadata": {"key": "value"}}]},
    ),
    "replace": ("PUT", ONE, {"content": OPENING, "category": "c", "source": "s", "metadata": {"key": {"k": "value"}}}),
}
STATEMENT = "'; drop table passage; --"


@pytest.fixture(scope="module")
async def clients(module_database, model_server):
    made = settings_of(module_database, model_server)
    async with (
        serving(search.create_app(made)) as searching,
        serving(learn.create_app(made), headers=bearer(new_key(module_database, 1))) as learning,
    ):
        yield {"search": searching, "learn": learning, "batch": learning, "replace": learning}


async def send(clients, route, body, **headers):
    method, path, _ = ROUTES[route]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": "application/json", **headers}
    return await clients[route].request(method, path, content=content, headers=sent)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", BAD)
async def test_what_is_not_acceptable_json_is_400(clients, route, name):
    assert is_problem(await send(clients, route, BAD[name]), 400, "invalid-request")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("value", [None, True, 0, 1.5, "text", [], [[]], {}, [{}]])
async def test_json_of_another_shape_is_400(clients, route, value):
    assert is_problem(await send(clients, route, value), 400, "invalid-request")


def strings(value, path=()):
    """Where strings stand in a value: of each its path, and a key of an object as the path to it and True."""
    if isinstance(value, str):
        yield path, False
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), True
            yield from strings(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from strings(inner, (*path, place))


def spoiled(value, path, *, key, by):
    """The value with the string at `path`, or the key there, made longer by `by`."""
    if not path:
        return value + by
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        return [spoiled(inner, rest, key=key, by=by) if at == first else inner for at, inner in enumerate(value)]
    if key and not rest:
        return {(name + by if name == first else name): inner for name, inner in value.items()}
    return {name: spoiled(inner, rest, key=key, by=by) if name == first else inner for name, inner in value.items()}


PLACES = [(route, path, key) for route in ROUTES for path, key in strings(ROUTES[route][2])]


@pytest.mark.parametrize(("route", "path", "key"), PLACES)
@pytest.mark.parametrize("by", ["\0", "\ud800", "\udfff\ud800"])
async def test_nul_and_half_surrogates_in_any_string_or_key_are_400(clients, route, path, key, by):
    body = spoiled(ROUTES[route][2], path, key=key, by=by)
    assert is_problem(await send(clients, route, body), 400, "invalid-request")


@pytest.mark.parametrize("route", ["search", "learn", "batch"])
async def test_what_looks_like_code_is_only_text(clients, route):
    for path, key in strings(ROUTES[route][2]):
        if not key:
            response = await send(clients, route, spoiled(ROUTES[route][2], path, key=False, by=STATEMENT))
            assert 200 == response.status_code


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
# Past 2^53 the decimal that was sent comes back, in which no float is written.
SCALAR = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-(2**53), 2**53) | JSON_TEXT
METADATA = st.dictionaries(
    JSON_TEXT,
    st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_TEXT, inner, max_size=3)),
    max_size=4,
)
QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@QUICK
@given(metadata=METADATA)
async def test_accepted_metadata_comes_back_as_it_was(clients, metadata):
    body = {"shopId": 1, "content": OPENING, "metadata": metadata}
    passage_id = (await send(clients, "learn", body)).json()["id"]
    path = f"/api/knowledge/passages/{passage_id}?shopId=1"
    assert metadata == (await clients["learn"].get(path)).json()["passage"]["metadata"]
    await clients["learn"].delete(path)


@QUICK
@given(query=st.text(max_size=60), category=st.none() | st.text(max_size=20), threshold=st.floats())
async def test_any_search_is_answered_or_refused(clients, query, category, threshold):
    body = {"query": query, "category": category, "threshold": threshold}
    assert (await send(clients, "search", body)).status_code in {200, 400}


@QUICK
@given(raw=st.binary(min_size=1, max_size=80))
@pytest.mark.parametrize("header", ["idempotency-key", "authorization", "x-request-id", "accept", "content-type"])
async def test_any_bytes_in_a_header_are_answered_or_refused(clients, header, raw):
    method, path, body = ROUTES["learn"]
    headers = {b"content-type": b"application/json", header.encode(): raw}
    response = await clients["learn"].request(method, path, content=json.dumps(body).encode(), headers=headers)
    assert response.status_code in {200, 400, 401, 406, 415}


@QUICK
@given(raw=st.binary(max_size=40), name=st.sampled_from(["shopId", "limit", "cursor", "category"]))
async def test_any_bytes_in_a_parameter_are_answered_or_refused(clients, name, raw):
    query = "".join(f"%{byte:02x}" for byte in raw)
    response = await clients["learn"].get(f"/api/knowledge/passages?shopId=1&{name}={query}")
    assert response.status_code in {200, 400, 403}


@QUICK
@given(raw=st.binary(min_size=1, max_size=40))
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_any_bytes_for_an_id_are_no_passage(clients, method, raw):
    path = "/api/knowledge/passages/" + "".join(f"%{byte:02x}" for byte in raw) + "?shopId=1"
    response = await clients["learn"].request(method, path, json={"content": OPENING})
    assert response.status_code in {400, 404, 405}


@pytest.mark.parametrize("route", ["search", "learn", "replace"])
async def test_a_huge_body_is_413(clients, route):
    huge = json.dumps(ROUTES[route][2]).encode() + b" " * (1 << 20)
    assert is_problem(await send(clients, route, huge), 413, "payload-too-large")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/api/knowledge/passages", {"/shopId": "is missing"}),
        (f"/api/knowledge/passages/{SOME_ID}", {"/shopId": "is missing"}),
        ("/api/knowledge/passages?shopId=1&limit=2&limit=3", {"/limit": "is given twice"}),
        ("/api/knowledge/passages?shopId=1&page=2", {"/page": "is not a parameter of this request"}),
        (
            "/api/knowledge/passages?shopID=1&a/b~",
            {
                "/shopId": "is missing",
                "/a~1b~0": "is not a parameter of this request",
                "/shopID": "is not a parameter of this request",
            },
        ),
    ],
)
async def test_parameters_that_are_missing_doubled_or_not_known_are_all_named(clients, path, named):
    response = await clients["learn"].get(path)
    assert is_problem(response, 400, "invalid-request")
    assert named == {error["pointer"]: error["detail"] for error in response.json()["errors"]}


async def test_a_parameter_that_a_route_with_parameters_and_a_body_does_not_know_is_refused(clients):
    method, path, body = ROUTES["replace"]
    response = await clients["replace"].request(method, f"{path}&verbose=1", json=body)
    assert is_problem(response, 400, "invalid-request")
    assert ["/verbose"] == [error["pointer"] for error in response.json()["errors"]]


@pytest.mark.parametrize("route", ["search", "learn", "batch"])
async def test_a_route_that_reads_no_query_passes_over_one(clients, route):
    method, path, body = ROUTES[route]
    assert 200 == (await clients[route].request(method, f"{path}?verbose=1", json=body)).status_code


async def test_a_caller_without_a_key_is_told_no_more_than_that(clients):
    response = await clients["learn"].get("/api/knowledge/passages?page=2", headers={"authorization": ""})
    assert is_problem(response, 401, "unauthorized")


async def test_every_bad_item_of_a_batch_is_named(clients):
    items = [{"content": OPENING}, {"content": "short"}, {}, {"content": OPENING, "colour": 1}, 7]
    response = await send(clients, "batch", {"shopId": 0, "items": items})
    assert is_problem(response, 400, "invalid-request")
    named = [error["pointer"] for error in response.json()["errors"]]
    assert ["/shopId", "/items/1/content", "/items/2/content", "/items/3/colour", "/items/4"] == named
    assert response.json()["detail"].count("; ") == 4


async def test_every_broken_rule_of_a_search_is_named(clients):
    response = await send(clients, "search", {"query": "Are you open?", "limit": 500, "threshold": 3})
    assert {"/limit", "/threshold"} == {error["pointer"] for error in response.json()["errors"]}


async def test_of_very_many_bad_items_some_are_named(clients):
    response = await send(clients, "batch", {"shopId": 1, "items": [{}] * 900})
    assert is_problem(response, 400, "invalid-request")
    assert 20 == len(response.json()["errors"])


@pytest.mark.parametrize("count", [0, 1001])
async def test_too_few_and_too_many_items_are_told_as_such(clients, count):
    response = await send(clients, "batch", {"shopId": 1, "items": [{"content": OPENING}] * count})
    assert ["/items"] == [error["pointer"] for error in response.json()["errors"]]
