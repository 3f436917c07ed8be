"""What every function is made of: ids, problems, limits, log, metrics, documentation."""

import asyncio
import json
import logging
import re

import pytest

from core.observe.log import LineLog
from tests.parts.echo import SECRET, echo_app
from tests.parts.faulty_models import until
from tests.parts.functions import LinesFile, is_problem, serving

PATH = "/api/echo"
ITEM = f"{PATH}/0198f5b2-7c1e-7d43-9a50-3f6a1c2b4d5e"
JSON = {"content-type": "application/json"}


@pytest.fixture
def log(tmp_path):
    file = LinesFile(tmp_path / "echo.log")
    yield file
    file.close()


@pytest.fixture
async def client(log):
    async with serving(echo_app(LineLog(log.descriptor))) as client:
        yield client


def said(text, **fields):
    return {"text": text, **fields}


@pytest.mark.parametrize("given", ["abcdefgh", "A-b_c0123456789", "x" * 64])
async def test_a_well_formed_request_id_is_kept(client, given):
    response = await client.post(PATH, json=said("x"), headers={"x-request-id": given})
    assert given == response.headers["x-request-id"] == response.json()["requestId"]


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "a b c d e f g", "abcdefgh\t", 'quoted"12', "<script>"])
async def test_another_request_id_is_replaced(client, given):
    response = await client.post(PATH, json=said("x"), headers={"x-request-id": given})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


async def test_bytes_for_a_request_id_are_replaced(client):
    response = await client.post(PATH, json=said("x"), headers={b"x-request-id": b"\xff" * 8})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


@pytest.mark.parametrize("text", ["a defect", "a defect of ours", "a timeout of its own"])
async def test_a_defect_is_500_told_to_the_log_and_not_to_the_caller(client, log, text):
    response = await client.post(PATH, json=said(text))
    assert is_problem(response, 500, "internal")
    assert "hunter2" not in response.text
    lines = [json.loads(line) for line in log.lines()]
    (error,) = [line for line in lines if line.get("level") == "error"]
    assert SECRET in error["trace"]
    assert {response.headers["x-request-id"]} == {line["id"] for line in lines}


async def test_a_missing_part_is_503_with_its_time_to_retry(client, log):
    response = await client.post(PATH, json=said("the database"))
    assert is_problem(response, 503, "database-unavailable")
    assert "7" == response.headers["retry-after"]
    assert "hunter2" not in response.text
    assert [True] == [SECRET in line for line in log.lines() if "warning" in line]


async def test_an_unknown_route_is_404(client):
    for path in ("/", "/api", "/api/echos", f"{PATH}/no-uuid", "/docs/other", "/docs/echo/other", "/metrics/other"):
        assert is_problem(await client.get(path), 404, "not-found")


async def test_another_method_is_405_and_allow_says_which(client):
    for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE", "BREW"):
        response = await client.request(method, PATH)
        assert is_problem(response, 405, "method-not-allowed")
        assert {"POST", "OPTIONS"} == set(response.headers["allow"].split(", "))


@pytest.mark.parametrize(("path", "allowed"), [(PATH, {"POST"}), (ITEM, {"GET", "HEAD", "PUT"})])
async def test_options_names_the_methods_of_a_path(client, path, allowed):
    response = await client.options(path)
    assert (204, b"") == (response.status_code, response.content)
    assert {*allowed, "OPTIONS"} == set(response.headers["allow"].split(", "))


async def test_head_is_answered_as_get_without_a_body(client):
    got, head = [await client.request(method, ITEM) for method in ("GET", "HEAD")]
    assert (200, b"") == (head.status_code, head.content)
    assert got.headers["content-length"] == head.headers["content-length"]
    assert 404 == (await client.head("/none")).status_code


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "text/event-stream, text/plain"])
async def test_accept_without_json_is_406(client, accept):
    assert is_problem(await client.post(PATH, json=said("x"), headers={"accept": accept}), 406, "not-acceptable")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json; charset=latin-1"},
        {b"content-type": b"\xff\xfe"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {},
    ],
)
async def test_a_body_that_is_not_announced_as_json_is_415(client, headers):
    response = await client.post(PATH, content=b'{"text": "x"}', headers=headers)
    assert is_problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", 'APPLICATION/JSON; charset="utf-8"'])
async def test_json_in_utf_8_may_say_so(client, kind):
    assert 200 == (await client.post(PATH, content=b'{"text": "x"}', headers={"content-type": kind})).status_code


async def test_a_body_over_the_limit_of_its_route_is_413(client):
    exactly = json.dumps(said("")).encode()
    exactly = exactly.replace(b'""', b'"' + b"x" * (4096 - len(exactly)) + b'"')
    assert 200 == (await client.post(PATH, content=exactly, headers=JSON)).status_code
    assert is_problem(await client.post(PATH, content=exactly + b" ", headers=JSON), 413, "payload-too-large")


async def test_a_body_of_unknown_length_is_cut_at_the_limit(client):
    async def chunks():
        for _ in range(5):
            yield b" " * 1024

    assert is_problem(await client.post(PATH, content=chunks(), headers=JSON), 413, "payload-too-large")


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3"])
async def test_a_length_that_is_no_number_is_400(client, length):
    response = await client.post(PATH, content=b"{}", headers={**JSON, "content-length": length})
    assert is_problem(response, 400, "invalid-request")


async def test_no_body_is_400(client):
    assert is_problem(await client.post(PATH), 400, "invalid-request")
    assert is_problem(await client.post(PATH, headers=JSON), 400, "invalid-request")


async def test_a_parameter_that_breaks_a_rule_is_400(client):
    response = await client.get(ITEM, params={"category": "x" * 21})
    assert is_problem(response, 400, "invalid-request")
    assert [{"pointer": "/category", "detail": "expected `str` of length <= 20"}] == response.json()["errors"]


@pytest.mark.parametrize("target", ["?a=%ff", "?a=%00", "?category=a&category=b", "?a=%ed%a0%80", "/%00", "/%ff"])
async def test_a_target_that_is_ambiguous_or_not_text_is_400(client, target):
    assert is_problem(await client.get(ITEM + target), 400, "invalid-request")


async def test_as_many_requests_as_the_limit_run_and_the_next_is_503_at_once():
    app = echo_app(concurrency=2)
    async with serving(app) as client:
        running = [asyncio.create_task(client.post(PATH, json=said("meet"))) for _ in range(2)]
        await until(lambda: 'edge_in_flight{function="echo"} 2.0' in app.metrics.render().decode())
        refused = await client.post(PATH, json=said("x"))
        app.state.meeting.set()
        assert [200, 200] == [(await request).status_code for request in running]
        assert 200 == (await client.post(PATH, json=said("x"))).status_code
    assert is_problem(refused, 503, "function-overloaded")
    assert int(refused.headers["retry-after"]) >= 1


async def test_an_answer_that_takes_too_long_is_503():
    async with serving(echo_app(timeout_s=0.05)) as client:
        response = await client.post(PATH, json=said("for ever"))
        assert is_problem(response, 503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1


async def test_one_line_a_request_says_where_its_time_went(client, log):
    await client.post(PATH, json=said("measured", shopId=7), headers={"x-request-id": "test-request"})
    (line,) = [json.loads(line) for line in log.lines()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert all(line.pop(part) >= 0 for part in ("ms", "embeddingMs", "databaseMs", "cacheMs"))
    assert line == {
        "id": "test-request",
        "function": "echo",
        "route": PATH,
        "method": "POST",
        "status": 200,
        "shop": 7,
        "cache": "local",
        "degraded": "embeddings",
    }


async def test_a_line_names_routes_by_their_template_and_no_query(client, log):
    await client.get(ITEM, params={"category": "private"})
    await client.get("/nowhere/private")
    assert [f"{PATH}/{{item}}", "unmatched"] == [json.loads(line)["route"] for line in log.lines()]
    assert "private" not in "".join(log.lines())


async def test_every_way_to_fail_leaves_one_line(client, log):
    for request in (client.get("/none"), client.post(PATH), client.get(f"{ITEM}?a=%ff"), client.post(PATH, json=1)):
        await request
    assert [404, 400, 400, 400] == [json.loads(line)["status"] for line in log.lines()]


async def test_a_log_that_cannot_be_written_fails_no_request():
    log = LineLog(-1)
    async with serving(echo_app(log)) as client:
        assert 200 == (await client.post(PATH, json=said("x"))).status_code
        assert log.lost == 1
        exposed = (await client.get("/metrics/echo")).text
    assert 'edge_log_lines_lost_total{function="echo"} 1.0' in exposed


@pytest.mark.usefixtures("client")
async def test_records_of_other_modules_become_lines(log):
    logging.getLogger("some.module").warning("%s happened", "it \ud800")
    (line,) = [json.loads(line) for line in log.lines()]
    assert ("warning", "some.module", "it \\ud800 happened") == (line["level"], line["logger"], line["message"])


async def test_metrics_count_requests_by_route_and_status(client):
    await client.post(PATH, json=said("measured"))
    await client.post(PATH, json=said("a defect"))
    await client.request("SECRET", f"/{'x' * 100}")
    response = await client.get("/metrics/echo")
    assert response.headers["content-type"].startswith("text/plain")
    series = set(re.findall(r"^edge_\w+_total\{.*\} 1\.0", response.text, re.MULTILINE))
    assert series == {
        f'edge_requests_total{{function="echo",method="POST",route="{PATH}",status="200"}} 1.0',
        f'edge_requests_total{{function="echo",method="POST",route="{PATH}",status="500"}} 1.0',
        'edge_requests_total{function="echo",method="other",route="unmatched",status="404"} 1.0',
        'edge_cache_lookups_total{function="echo",result="local"} 1.0',
        'edge_degraded_total{function="echo",rung="embeddings"} 1.0',
    }
    assert f'edge_request_seconds_bucket{{function="echo",le="0.5",route="{PATH}"}} 2.0' in response.text
    assert 'edge_part_seconds_count{function="echo",part="embedding"} 1.0' in response.text


async def test_the_page_of_documentation_needs_nothing_from_elsewhere(client):
    page = await client.get("/docs/echo")
    assert "Say &lt;it&gt; again" in page.text
    assert "://" not in page.text
    assert "<script>" not in page.text
    links = re.findall(r'(?:href|src|data-document)="([^"]+)"', page.text)
    assert 5 == len(links)
    for link in links:
        response = await client.get(link)
        assert 200 == response.status_code
        assert response.content


async def test_assets_are_those_of_the_page_and_no_others(client):
    for name in ("index.html", "..%2f..%2f__init__.py", "swagger-ui.js.map", "%2e%2e"):
        assert is_problem(await client.get(f"/docs/echo/assets/{name}"), 404, "not-found")
