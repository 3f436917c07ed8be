"""Every error that nginx itself answers, in the shape of the contract."""

import json

import httpx
import pytest

from tests.parts.proxy import BODY_LIMIT_BYTES

TYPE = "urn:problem-type:cutting-edge:"


def problem(status, headers, body, *, expected, kind):
    """Assert the whole shape and return the body."""
    assert status == expected
    assert headers["content-type"] == "application/problem+json"
    said = json.loads(body)
    assert set(said) == {"type", "title", "status", "detail", "instance", "error"}
    assert said["type"] == TYPE + kind
    assert said["status"] == expected
    assert said["error"] == said["detail"]
    assert said["instance"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    return said


def of(answer: httpx.Response):
    return answer.status_code, answer.headers, answer.content


@pytest.mark.parametrize(
    ("request_bytes", "expected", "kind"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, "invalid-request"),
        (b"nonsense\r\n\r\n", 400, "invalid-request"),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid-request"),
        (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid-request"),
        (b"GET /../../x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid-request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "invalid-request"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "invalid-request"),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 400, "invalid-request"),
        (b"POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "invalid-request"),
        (
            b"POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
            "invalid-request",
        ),
        (b"POST /api/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zip\r\n\r\n", 400, "invalid-request"),
        (b"POST /api/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "invalid-request"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "uri-too-long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers-too-large"),
        (b'GET /api/echo?" HTTP/1.1\r\nHost: a\r\n\r\n', 400, "invalid-request"),
        (b"GET /api/echo?<> HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid-request"),
        (b"GET /docs/echo?` HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid-request"),
        (b"GET /api/echo HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\x7f\r\n\r\n", 400, "invalid-request"),
        (b"GET /api/echo HTTP/1.1\r\nHost: a\r\nUser-Agent: a\x01b\r\n\r\n", 400, "invalid-request"),
        (b"TRACE /api/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405, "method-not-allowed"),
    ],
)
def test_what_is_not_sound_http_is_the_callers_problem(door, request_bytes, expected, kind):
    problem(*door.raw(request_bytes), expected=expected, kind=kind)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/api/items/7", "GET, HEAD, OPTIONS, PUT"), ("/docs", "GET, HEAD"), ("/nowhere", "GET, HEAD")],
)
def test_a_method_that_nginx_refuses_is_answered_with_those_that_there_are(door, path, allowed):
    status, headers, _ = door.raw(f"TRACE {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert (405, allowed) == (status, headers["allow"])


def test_an_unknown_address_is_not_found(door):
    problem(*of(door.client.get("/api/nothing.html")), expected=404, kind="not-found")
    problem(*of(door.client.post("/api/nothing", content=b"x" * 100)), expected=404, kind="not-found")


def test_pages_of_nginx_itself_cannot_be_asked_for(door):
    problem(*of(door.client.get("/-/problem/400")), expected=404, kind="not-found")


def test_a_body_may_be_as_large_as_its_route_says(door):
    fits = door.client.post("/api/echo", content=b"x" * BODY_LIMIT_BYTES)
    assert fits.json()["bodyBytes"] == BODY_LIMIT_BYTES
    assert door.client.post("/api/batch", content=b"x" * (3 << 20)).json()["bodyBytes"] == 3 << 20


@pytest.mark.parametrize("path", ["/api/echo", "/docs/echo"])
def test_a_larger_body_is_refused_wherever_it_goes(door, path):
    over = door.client.post(path, content=b"x" * (BODY_LIMIT_BYTES + 1))
    problem(*of(over), expected=413, kind="payload-too-large")


def test_a_larger_body_is_refused_without_a_length_too(door):
    over = door.client.post("/api/echo", content=iter([b"x" * BODY_LIMIT_BYTES, b"x"]))
    problem(*of(over), expected=413, kind="payload-too-large")


def test_a_caller_still_sending_a_far_too_large_body_gets_the_answer(door):
    over = door.client.post("/api/echo", content=b"x" * (4 << 20))
    problem(*of(over), expected=413, kind="payload-too-large")


@pytest.mark.parametrize("path", ["/api/absent", "/api/cut"])
def test_a_function_that_is_gone_or_breaks_off_is_unavailable(door, path):
    answer = door.client.get(path)
    problem(*of(answer), expected=503, kind="unavailable")
    assert answer.headers["retry-after"] == "2"


def test_a_function_that_does_not_answer_in_its_time_is_unavailable(door):
    door.echo.release.clear()
    answer = door.client.get("/api/hold")
    door.echo.release.set()
    problem(*of(answer), expected=503, kind="unavailable")


def test_a_problem_that_a_function_answers_passes_as_it_is(door):
    answer = door.client.get("/api/fails")
    assert answer.status_code == 503
    assert answer.json() == {"status": 503, "detail": "said by the function"}
    assert answer.headers.get_list("retry-after") == ["7"]


def test_the_head_of_a_problem_has_no_body(door):
    answer = door.client.head("/nowhere")
    assert answer.status_code == 404
    assert answer.content == b""


def test_a_problem_is_readable_for_a_page_of_a_configured_origin(door):
    for path in ("/api/absent", "/nowhere"):
        answer = door.client.get(path, headers={"Origin": "https://shop.example"})
        assert answer.headers["access-control-allow-origin"] == "https://shop.example", path


def test_the_log_knows_the_method_and_the_function_of_a_refused_request(door):
    key = "refused-0001"
    door.client.post("/api/echo?token=secret", content=b"x" * 9999, headers={"X-Request-ID": key})
    line = door.logged(key)
    assert (line["method"], line["path"], line["function"], line["status"]) == ("POST", "/api/echo", "echo", 413)
