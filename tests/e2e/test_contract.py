"""Every row of the contract's table of errors, over HTTP through nginx, and what holds for every answer."""

import json
import re
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.parts.functions import bearer, is_problem

SEARCH = "/api/knowledge/search"
LEARN = "/api/knowledge/learn"
BATCH = "/api/knowledge/learn/batch"
PASSAGES = "/api/knowledge/passages"
WELL = {"query", "results", "count", "timestamp"}
CONTENT = "The contract is tested by this very passage."
QUESTION = {"query": "how much is a beard trim?"}
MIB = 1 << 20
SHOP = 77


@pytest.fixture(scope="module")
def client(stack):
    with stack.client(stack.key(shop=SHOP)) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(stack):
    with stack.client() as client:
        yield client


def learned(client, **fields):
    return client.post(LEARN, json={"shopId": SHOP, "content": CONTENT, **fields})


BODIES = {
    "not JSON": b"{query}",
    "cut off": b'{"query": "how much',
    "not UTF-8": b'{"query": "how much \xff"}',
    "NUL": b'{"query": "how much\\u0000"}',
    "a raw NUL": b'{"query": "how much\x00"}',
    "a lone surrogate": b'{"query": "how much\\ud800"}',
    "NaN": b'{"query": "how much", "threshold": NaN}',
    "a giant integer": b'{"query": "how much", "limit": ' + b"9" * 5000 + b"}",
    "a doubled key": b'{"query": "how much", "shopId": 1, "shopId": 2}',
    "very deep": b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "an unknown field": b'{"query": "how much", "colour": 1}',
    "a missing field": b"{}",
    "a value out of range": b'{"query": "how much", "limit": 101}',
    "another type": b'{"query": 5}',
    "a list": b"[]",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BODIES)
def test_400_for_a_body_that_is_no_json_or_breaks_a_rule(stranger, name):
    response = stranger.post(SEARCH, content=BODIES[name], headers={"content-type": "application/json"})
    assert is_problem(response, 400, "invalid-request")


@pytest.mark.parametrize("target", ["?shopId=%00", "?shopId=%ff", "?shopId=1&shopId=2", "?shopId=x", "?shopId=0"])
def test_400_for_a_parameter_that_breaks_a_rule(client, target):
    assert is_problem(client.get(PASSAGES + target), 400, "invalid-request")


def raw(stack, request: bytes) -> tuple[int, httpx.Headers, dict]:
    address = urlsplit(stack.address)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    return int(status.split()[1]), httpx.Headers([tuple(line.split(": ", 1)) for line in lines]), json.loads(body)


RAW = {
    "bytes in a path": b"GET /api/\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "bytes in the path of a route": b"GET /api/health?\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "no HTTP": b"HELLO\r\n\r\n",
    "no host": b"GET /api/health HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET /api/health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    "NUL in a path": b"GET /api/\x00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "an encoded NUL": b"GET /api/health/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
def test_4xx_as_a_problem_for_what_is_not_http(stack, name):
    status, headers, body = raw(stack, RAW[name])
    assert (400 <= status < 500, status) == (True, body["status"])
    assert "application/problem+json" == headers["content-type"]
    assert body["error"] == body["detail"]


KEYS = {"none": None, "nonsense": "Bearer x", "unknown": "Bearer edge_" + "A" * 43, "bytes": b"Bearer \xff\xfe"}


@pytest.mark.parametrize("key", KEYS)
def test_401_without_a_key_that_exists(stranger, key):
    headers = {"authorization": KEYS[key]} if KEYS[key] else {}
    response = stranger.post(LEARN, json={"shopId": SHOP, "content": CONTENT}, headers=headers)
    assert is_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_401_for_a_key_that_was_revoked(stack, stranger):
    made = json.loads(stack.edge("keys", "create", "--shop", str(SHOP), "--name", "short", "--json").stdout)
    listed = {"shopId": SHOP}
    assert 200 == stranger.get(PASSAGES, params=listed, headers=bearer(made["key"])).status_code
    assert 0 == stack.edge("keys", "revoke", made["id"]).returncode
    assert is_problem(stranger.get(PASSAGES, params=listed, headers=bearer(made["key"])), 401, "unauthorized")


def test_403_for_a_key_of_another_shop(client):
    assert is_problem(learned(client, shopId=SHOP + 1), 403, "forbidden")
    assert is_problem(client.get(PASSAGES, params={"shopId": 1}), 403, "forbidden")


def test_404_for_an_unknown_route_and_an_unknown_passage(client):
    for path in ("/api", "/api/none", "/api/knowledge", f"{SEARCH}/more", f"{PASSAGES}/no-uuid", "/docs/none"):
        assert is_problem(client.get(path), 404, "not-found")
    assert is_problem(client.get(f"{PASSAGES}/{uuid.uuid4()}", params={"shopId": SHOP}), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", SEARCH, {"POST"}),
        ("DELETE", SEARCH, {"POST"}),
        ("POST", "/api/health", {"GET"}),
        ("PATCH", LEARN, {"POST"}),
        ("PUT", PASSAGES, {"GET"}),
        ("POST", f"{PASSAGES}/{uuid.UUID(int=1)}", {"GET", "PUT", "DELETE"}),
    ],
)
def test_405_for_another_method_and_allow_names_the_right_ones(client, method, path, allowed):
    response = client.request(method, path)
    assert is_problem(response, 405, "method-not-allowed")
    assert allowed <= set(response.headers["allow"].split(", ")) <= allowed | {"OPTIONS", "HEAD"}


def test_406_when_accept_leaves_no_room_for_json(stranger):
    for accept in ("text/html", "application/json;q=0", "image/*"):
        assert is_problem(stranger.post(SEARCH, json=QUESTION, headers={"accept": accept}), 406, "not-acceptable")


def test_409_for_the_same_idempotency_key_with_another_body(client):
    headers = {"idempotency-key": str(uuid.uuid4())}
    first, again = [client.post(LEARN, json={"shopId": SHOP, "content": CONTENT}, headers=headers) for _ in range(2)]
    other = client.post(LEARN, json={"shopId": SHOP, "content": CONTENT + "!"}, headers=headers)
    assert (200, first.content) == (again.status_code, again.content)
    assert is_problem(other, 409, "idempotency-conflict")


def padded(body: dict, size_bytes: int) -> bytes:
    text = json.dumps(body).encode()
    return text + b" " * (size_bytes - len(text))


@pytest.mark.parametrize(
    ("path", "body", "limit"),
    [
        (SEARCH, QUESTION, MIB),
        (LEARN, {"shopId": SHOP, "content": CONTENT}, MIB),
        (BATCH, {"shopId": SHOP, "items": [{"content": CONTENT}]}, 8 * MIB),
    ],
)
def test_413_over_the_limit_of_the_route_and_not_below(client, path, body, limit):
    headers = {"content-type": "application/json"}
    assert 200 == client.post(path, content=padded(body, limit), headers=headers).status_code
    assert is_problem(client.post(path, content=padded(body, limit + 1), headers=headers), 413, "payload-too-large")


def test_415_for_a_body_that_is_not_json(client):
    for headers in ({"content-type": "text/plain"}, {}, {"content-type": "application/json", "content-encoding": "br"}):
        response = client.post(SEARCH, content=json.dumps(QUESTION).encode(), headers=headers)
        assert is_problem(response, 415, "unsupported-media-type")


def test_429_over_the_rate_of_a_client_with_retry_after(stack):
    transport = httpx.HTTPTransport(local_address="127.0.0.9")  # not exempt
    with httpx.Client(base_url=stack.address, transport=transport, timeout=30) as client:
        responses = [client.get("/api/health") for _ in range(110)]
    refused = [response for response in responses if response.status_code != 200]
    assert 1 <= len(refused) <= 10
    assert all(is_problem(response, 429, "too-many-requests") for response in refused)
    assert all(int(response.headers["retry-after"]) >= 1 for response in refused)


@contextmanager
def frozen(pid: int):
    """A process and its children stand still while the block runs: connections hang, none is refused."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def until_well(client) -> None:
    """Every function has found the parts again."""
    deadline = time.monotonic() + 60
    while not all(
        (
            client.get("/api/health").json()["status"] == "ok",
            client.post(SEARCH, json={"query": f"are you well? {uuid.uuid4()}"}).json().keys() == WELL,
            learned(client, content=f"{CONTENT} {uuid.uuid4()}").is_success,
        )
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_503_with_retry_after_while_the_database_does_not_answer(stack, client):
    asked = {"query": f"never asked before {uuid.uuid4()}"}
    with frozen(stack.pid_of("postgres")), ThreadPoolExecutor(3) as pool:
        health = pool.submit(client.get, "/api/health")
        requests = [pool.submit(learned, client), pool.submit(client.post, SEARCH, json=asked)]
        answers = [request.result() for request in requests]
    until_well(client)
    assert all(is_problem(answer, 503, "database-unavailable") for answer in answers)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert (503, "down") == (health.result().status_code, health.result().json()["status"])


def test_a_model_that_does_not_answer_is_replaced_by_words(stack, client):
    new = {"query": "beard trim quorvalid", "threshold": 0}  # no random code: a part of it may be in a passage
    with frozen(stack.pid_of("model")):
        search = client.post(SEARCH, json=new)
        health = client.get("/api/health").json()
    until_well(client)
    assert (200, "embeddings") == (search.status_code, search.json()["degraded"])
    assert "beard" in search.json()["results"][0]["content"].lower()
    assert ("degraded", "down") == (health["status"], health["checks"]["embeddings"])


def test_every_answer_carries_the_id_of_its_request(stranger):
    for path in ("/api/health", "/api/none", SEARCH):
        response = stranger.get(path, headers={"x-request-id": "from-a-caller"})
        assert ["from-a-caller"] == response.headers.get_list("x-request-id")
        own = stranger.get(path, headers={"x-request-id": "not well formed"})
        assert re.fullmatch(r"[A-Za-z0-9_-]{8,64}", own.headers["x-request-id"])


def test_a_write_is_found_by_the_next_search(client):
    word = f"zanzibar{uuid.uuid4().hex}"
    assert 200 == learned(client, content=f"The password of the day is {word}.").status_code
    found = client.post(SEARCH, json={"query": f"password {word}", "shopId": SHOP}).json()["results"]
    assert word in found[0]["content"]
    elsewhere = client.post(SEARCH, json={"query": f"password {word}", "threshold": 0, "limit": 100}).json()["results"]
    assert all(word not in result["content"] for result in elsewhere)


def lines_of(log: Path, request_id: str) -> list[dict]:
    """The lines of a request; the first is written once the answer is sent, and waited for."""
    deadline = time.monotonic() + 10
    while not (found := [json.loads(line) for line in log.read_text().splitlines() if request_id in line]):
        assert time.monotonic() < deadline, "the request was not logged"
        time.sleep(0.01)
    return found


def test_the_log_of_a_function_has_one_line_for_a_request(stack, stranger):
    name = f"logged-{uuid.uuid4().hex}"
    stranger.post(SEARCH, json=QUESTION, headers={"x-request-id": name})
    (line,) = lines_of(stack.home / "logs/search.log", name)
    assert {"id": name, "function": "search", "shop": 1, "status": 200, "method": "POST"}.items() <= line.items()
    assert line["databaseMs"] > 0


def test_documentation_and_metrics_of_each_function_are_served(stranger):
    for name in ("health", "search", "learn", "facts", "chat", "feedback", "conversations", "handoff", "openai", "mcp"):
        assert "swagger" in stranger.get(f"/docs/{name}").text
        assert 200 == stranger.get(f"/docs/{name}/assets/swagger-ui-bundle.js").status_code
        assert "3.0.3" == stranger.get(f"/docs/{name}/openapi.json").json()["openapi"]
        assert "edge_requests_total" in stranger.get(f"/metrics/{name}").text


def test_a_message_is_answered_through_the_proxy_as_json_and_as_events(stranger):
    body = {"message": "how much is a beard trim?", "shopId": 1}
    answer = stranger.post("/api/chat", json=body).json()
    assert "£14" in answer["response"]
    assert answer["sources"]
    with stranger.stream("POST", "/api/chat", json=body, headers={"accept": "text/event-stream"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line.startswith("event: ")]
    assert ["event: status", "event: sources", "event: token", "event: done"] == lines


def test_no_visitor_chooses_the_time_at_which_it_is_asked(stranger):
    body = {"message": "are you open now?", "shopId": 1}
    assert 200 == stranger.post("/api/chat", json=body, headers={"x-edge-now": "never"}).status_code
