"""Pages of configured origins may call; others get no permission."""

import pytest

PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, authorization"}


@pytest.mark.parametrize("origin", ["https://shop.example", "http://localhost:5173"])
def test_a_configured_origin_reads_answers(door, origin):
    headers = door.client.get("/api/echo", headers={"Origin": origin}).headers
    assert headers.get_list("access-control-allow-origin") == [origin]
    assert "X-Request-ID" in headers["access-control-expose-headers"]
    assert "Origin" in headers["vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "null",
    ],
)
def test_no_other_origin_does(door, origin):
    headers = door.client.get("/api/echo", headers={"Origin": origin}).headers
    assert "access-control-allow-origin" not in headers
    assert "Origin" in headers["vary"]


def test_a_preflight_is_answered_without_the_function(door):
    before = door.echo.connections
    answer = door.client.options("/api/echo", headers={"Origin": "https://shop.example", **PREFLIGHT})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key", "x-request-id"))
    assert door.echo.connections == before


def test_a_preflight_of_another_origin_is_not_granted(door):
    answer = door.client.options("/api/echo", headers={"Origin": "https://evil.example", **PREFLIGHT})
    assert not [name for name in answer.headers if name.startswith("access-control-allow")]


def test_credentials_of_the_browser_are_never_asked_for(door):
    headers = door.client.get("/api/echo", headers={"Origin": "https://shop.example"}).headers
    assert "access-control-allow-credentials" not in headers


def test_an_options_that_is_no_preflight_goes_to_the_function(door):
    assert door.client.options("/api/echo").json()["method"] == "OPTIONS"


def test_without_configured_origins_nothing_is_said(strict_door):
    headers = strict_door.client.get("/api/echo", headers={"Origin": "https://shop.example"}).headers
    assert not [name for name in headers if name.startswith("access-control")]
