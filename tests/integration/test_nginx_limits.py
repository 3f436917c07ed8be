"""The rate that one caller may use, and who is spared."""

import json
import threading
import time

import pytest

from tests.parts.proxy import ECHO, opened


def statuses(door, client, count, path="/api/echo"):
    return [door.client.get(path, headers={"X-Forwarded-For": client}).status_code for _ in range(count)]


def test_a_minutes_requests_come_at_once_and_the_next_is_refused(strict_door):
    assert statuses(strict_door, "203.0.113.1", 7) == [200] * 5 + [429] * 2


def test_the_refusal_says_when_to_come_again(strict_door):
    statuses(strict_door, "203.0.113.1", 5)
    answer = strict_door.client.post("/api/echo", headers={"X-Forwarded-For": "203.0.113.1"}, json={})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "13"  # 5 a minute, which nginx counts as 0.083 a second
    assert answer.headers["content-type"] == "application/problem+json"
    said = json.loads(answer.content)
    assert said["type"] == "urn:problem-type:cutting-edge:too-many-requests"
    assert said["instance"] == answer.headers["x-request-id"]


def test_each_address_has_its_own_rate(strict_door):
    assert statuses(strict_door, "203.0.113.1", 6)[-1] == 429
    assert statuses(strict_door, "203.0.113.2", 1) == [200]


def test_all_functions_and_pages_share_the_rate_of_a_caller(strict_door):
    statuses(strict_door, "203.0.113.1", 5)
    assert statuses(strict_door, "203.0.113.1", 1, "/docs/echo") == [429]
    assert statuses(strict_door, "203.0.113.1", 1, "/api/absent") == [429]


def test_an_ipv6_network_counts_as_one_caller(strict_door):
    """Whoever has one address has the 2^64 of its /64."""
    assert [statuses(strict_door, f"2001:db8:0:1::{i}", 1)[0] for i in range(1, 7)] == [200] * 5 + [429]
    assert statuses(strict_door, "2001:db8:0:2::1", 1) == [200]


def test_the_exempt_are_never_refused(door):
    assert {door.client.get("/api/echo").status_code for _ in range(150)} == {200}


def test_an_exemption_is_of_the_client_not_of_the_proxy_before_us(tmp_path, nginx_setting):
    settings = {"rate_limit": 2, "rate_limit_exempt": ("127.0.0.0/8", "198.51.100.0/24")}
    with opened(tmp_path, nginx=nginx_setting, trusted_proxies=("127.0.0.0/8",), **settings) as door:
        assert statuses(door, "203.0.113.1", 3) == [200, 200, 429]
        assert statuses(door, "198.51.100.7", 5) == [200] * 5


@pytest.mark.parametrize("rate", [1, 100])
def test_the_setting_is_the_burst(tmp_path, nginx_setting, rate):
    with opened(tmp_path, nginx=nginx_setting, rate_limit=rate, rate_limit_exempt=()) as door:
        begun, served = time.monotonic(), 0
        while (status := door.client.get("/api/echo").status_code) == 200:
            served += 1
        assert status == 429
        # What a slow machine lets come back meanwhile, and what nginx rounds.
        refilled = (time.monotonic() - begun) * rate / 60
        assert rate <= served <= rate + refilled + 1


def test_refusals_cost_the_function_nothing(strict_door):
    statuses(strict_door, "203.0.113.1", 5)
    before = strict_door.echo.connections
    assert statuses(strict_door, "203.0.113.1", 20) == [429] * 20
    assert strict_door.echo.connections == before


def test_what_nginx_answers_without_a_route_is_not_counted(strict_door):
    assert statuses(strict_door, "203.0.113.1", 10, "/nowhere") == [404] * 10
    assert statuses(strict_door, "203.0.113.1", 1) == [200]


def test_a_reload_forgets_nobody(strict_door):
    assert statuses(strict_door, "203.0.113.1", 6)[-1] == 429
    strict_door.nginx.configure([ECHO])
    strict_door.nginx.reload()
    assert statuses(strict_door, "203.0.113.1", 1) == [429]


def test_one_caller_holds_a_hundred_connections_and_no_more(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting, rate_limit=1000, rate_limit_exempt=()) as door:
        held = [threading.Thread(target=door.raw, args=(STREAM,)) for _ in range(100)]
        for thread in held:
            thread.start()
        try:
            while door.echo.connections < 100:
                door.echo.reached.wait(1)
            assert door.client.get("/api/echo").status_code == 429
        finally:
            door.echo.release.set()
            for thread in held:
                thread.join()
        assert door.client.get("/api/echo").status_code == 200


STREAM = b"GET /api/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
