"""How a request finds its function, and what of it arrives there."""

import re
import threading

import httpx
import pytest


def test_a_route_reaches_its_function_with_its_query(door):
    answer = door.client.post("/api/echo?limit=5&q=a%20b", json={"query": "open?"})
    assert answer.status_code == 200
    assert answer.json()["path"] == "/api/echo?limit=5&q=a%20b"
    assert answer.json()["method"] == "POST"
    assert answer.json()["bodyBytes"] == len(answer.request.content)


def test_the_method_is_left_to_the_function_to_judge(door):
    assert door.client.delete("/api/echo").json()["method"] == "DELETE"


def test_a_template_stands_for_exactly_one_segment(door):
    assert door.client.get("/api/items/0199-abc").json()["path"] == "/api/items/0199-abc"
    for path in ("/api/items", "/api/items/", "/api/items/a/b", "/api/items/a%2Fb", "/api/echo/"):
        assert door.client.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/docs/echo", "/docs/echo/openapi.json", "/docs/echo/assets/a.js", "/metrics/echo"])
def test_the_pages_of_a_function_reach_it(door, path):
    assert door.client.get(path).json()["path"] == path


@pytest.mark.parametrize("path", ["/docs/echoes", "/docs/", "/metrics/echo/", "/metrics", "/x.html"])
def test_addresses_of_nobody_are_not_found(door, path):
    assert door.client.get(path).status_code == 404


def test_the_root_leads_to_a_page_that_links_the_documentation_of_each_function(door):
    root = door.client.get("/")
    assert (302, "/docs") == (root.status_code, root.headers["location"])
    page = door.client.get("/docs")
    assert (200, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"])
    assert '<a href="/docs/echo">echo</a>' in page.text
    assert "style-src 'self' 'unsafe-inline'" in page.headers["content-security-policy"]
    assert [] == re.findall(r"https?://", page.text)
    for path in ("/", "/docs"):
        refused = door.client.post(path, json={})
        assert (405, "GET, HEAD") == (refused.status_code, refused.headers["allow"])


def test_metrics_do_not_exist_for_strangers(strict_door):
    stranger = {"X-Forwarded-For": "203.0.113.9"}
    assert strict_door.client.get("/metrics/echo", headers=stranger).status_code == 404
    assert strict_door.client.get("/docs/echo", headers=stranger).status_code == 200
    assert strict_door.client.get("/metrics/echo").status_code == 200


def test_a_function_hears_who_called_in_the_words_of_nginx(door):
    lies = {"X-Forwarded-For": "198.51.100.1", "X-Real-IP": "198.51.100.1", "X-Forwarded-Proto": "https"}
    heard = door.client.get("/api/echo", headers=lies).json()["headers"]
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert heard["x-real-ip"] == "127.0.0.1"
    assert heard["x-forwarded-proto"] == "http"


def test_the_client_behind_a_trusted_proxy_is_the_last_stranger_in_the_chain(strict_door):
    chain = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9, 127.0.0.2"}
    assert strict_door.client.get("/api/echo", headers=chain).json()["headers"]["x-real-ip"] == "203.0.113.9"


@pytest.mark.parametrize("key", ["visit-0001", "a" * 64, "A_b-3456"])
def test_a_well_formed_request_id_is_kept_everywhere(door, key):
    answer = door.client.get("/api/echo", headers={"X-Request-ID": key})
    assert answer.headers.get_list("x-request-id") == [key]
    assert answer.json()["headers"]["x-request-id"] == key


@pytest.mark.parametrize("key", ["short", "a" * 65, 'quo"te-in-it', "with space", "{braces}", ""])
def test_any_other_request_id_is_replaced(door, key):
    answer = door.client.get("/api/echo", headers={"X-Request-ID": key})
    (made,) = answer.headers.get_list("x-request-id")
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert answer.json()["headers"]["x-request-id"] == made


def test_every_answer_carries_the_security_headers_once(door):
    for path in ("/api/echo", "/nowhere", "/api/absent", "/docs/echo"):
        headers = door.client.get(path).headers
        assert headers.get_list("x-content-type-options") == ["nosniff"], path
        assert headers.get_list("x-frame-options") == ["DENY"], path
        assert headers.get_list("referrer-policy") == ["strict-origin-when-cross-origin"], path
        assert len(headers.get_list("content-security-policy")) == 1, path
    assert "default-src 'none'" in door.client.get("/api/echo").headers["content-security-policy"]
    assert "default-src 'self'" in door.client.get("/docs/echo").headers["content-security-policy"]


def test_json_is_compressed_for_who_takes_it(door):
    long = {"X-Long": "word-" * 200}
    assert door.client.get("/api/echo", headers=long).headers["content-encoding"] == "gzip"
    plain = door.client.get("/api/echo", headers={**long, "Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["/api/stream", "/api/live"])
def test_an_event_is_not_held_back(door, path):
    """The first event is read before the function goes on to send the last."""
    door.echo.release.clear()
    with door.client.stream("GET", path) as answer:
        events = answer.iter_text()
        assert "data: first\n\n" == next(events)
        assert not door.echo.release.is_set()
        door.echo.release.set()
        assert "data: last\n\n" == "".join(events)


def test_each_request_opens_the_socket_anew(door):
    """Newer nginx keeps upstream connections by default; a kept one would outlive a flip."""
    before = door.echo.connections
    for _ in range(5):
        assert door.client.get("/api/echo").status_code == 200
    assert door.echo.connections - before == 5


def test_a_flipped_symlink_moves_new_requests_and_cuts_none(door):
    first = door.upstream("first", file="first.sock")
    second = door.upstream("second", file="second.sock")
    real = door.run_dir / "echo.sock"
    real.rename(door.run_dir / "echo.0.sock")

    def flip(target):
        (door.run_dir / "fresh").symlink_to(target)
        (door.run_dir / "fresh").replace(real)

    try:
        flip("first.sock")
        answers = []
        held = threading.Thread(target=lambda: answers.append(httpx.get(door.client.base_url.join("/api/live"))))
        held.start()
        assert first.reached.wait(10)
        flip("second.sock")
        assert [door.client.get("/api/echo").json()["word"] for _ in range(3)] == ["second"] * 3
        first.release.set()
        held.join()
        assert answers[0].text == "data: first\n\ndata: last\n\n"

        for turn in range(40):
            flip(("first.sock", "second.sock")[turn % 2])
            assert door.client.get("/api/echo").json()["word"] == ("first", "second")[turn % 2]
    finally:
        (door.run_dir / "echo.0.sock").replace(real)
        first.close()
        second.close()
