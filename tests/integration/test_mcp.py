"""The Model Context Protocol, spoken by its official client."""

import json
from contextlib import asynccontextmanager

import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from core.retrieval.lens import ensure_calibrated
from functions import facts
from functions import mcp as door
from functions.mcp.calling import PROTOCOLS
from tests.parts.functions import bearer, is_problem, new_key, serving, unreachable
from tests.parts.searching import PARKING, learn, running, settings_of

URL = "http://edge/mcp"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
FACTS = {"timeZone": "Europe/London", "phone": "01632 960118"}


@pytest.fixture(scope="module")
async def app(module_database, model_server):
    settings = settings_of(module_database, model_server)
    async with running(settings) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, PARKING)
    async with serving(facts.create_app(settings), headers=bearer(new_key(module_database, None))) as client:
        assert (await client.put("/api/facts", json={"shopId": 1, "facts": FACTS})).is_success
    app = door.create_app(settings)
    async with app.lifespan():
        yield app


@asynccontextmanager
async def connected(app):
    async with (
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http,
        streamable_http_client(URL, http_client=http) as (read, write),
        mcp.ClientSession(read, write) as session,
    ):
        yield session


async def test_the_official_client_shakes_hands_and_finds_the_tools(app):
    async with connected(app) as session:
        assert "cutting-edge" == (await session.initialize()).server_info.name
        await session.send_ping()
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert {"search_knowledge", "shop_facts"} == set(tools)
    assert {"query", "shopId"} == set(tools["search_knowledge"].input_schema["required"])
    assert all(tool.annotations.read_only_hint for tool in tools.values())


async def test_search_and_facts_are_called(app):
    async with connected(app) as session:
        await session.initialize()
        found = await session.call_tool("search_knowledge", {"query": "where can I park?", "shopId": 1})
        stated = await session.call_tool("shop_facts", {"shopId": 1})
        none = await session.call_tool("shop_facts", {"shopId": 99})
    assert [PARKING] == [one["content"] for one in found.structured_content["results"]]
    assert found.structured_content == json.loads(found.content[0].text)
    assert FACTS == stated.structured_content["facts"]
    assert {"facts": None, "asOf": None} == none.structured_content


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"query": "x", "shopId": 1}, "3 to 2000"), ({"query": "parking?"}, "shopId"), ({"q": 1}, "q")],
)
async def test_arguments_that_break_a_rule_are_told_to_the_model(app, arguments, said):
    async with connected(app) as session:
        await session.initialize()
        answer = await session.call_tool("search_knowledge", arguments)
    assert answer.is_error
    assert said in answer.content[0].text


async def test_an_unknown_tool_and_an_unknown_method_are_errors_of_the_protocol(app):
    async with connected(app) as session:
        await session.initialize()
        with pytest.raises(mcp.MCPError, match="no tool"):
            await session.call_tool("drop_tables", {})
        with pytest.raises(mcp.MCPError, match="no method"):
            await session.list_prompts()


@pytest.mark.parametrize("name", [{}, [], 7, None])
async def test_a_tool_whose_name_is_no_text_is_an_error_of_the_protocol(app, name):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        answer = await http.post(URL, json=call)
    assert (200, -32602) == (answer.status_code, answer.json()["error"]["code"])


async def test_a_client_of_a_later_kind_falls_back_to_the_handshake(app):
    async with (
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http,
        mcp.Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        assert {"search_knowledge", "shop_facts"} == {tool.name for tool in (await client.list_tools()).tools}


async def test_without_the_database_the_tool_says_so(postgres, module_database, app):
    async with connected(app) as session:
        await session.initialize()
        with unreachable(postgres, module_database):
            answer = await session.call_tool("shop_facts", {"shopId": 1})
    assert (True, "database") == (answer.is_error, "database" if "database" in answer.content[0].text else "")


async def test_pages_of_other_origins_and_what_is_no_json_rpc_are_refused(app):
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        assert {"jsonrpc": "2.0", "id": 1, "result": {}} == (await http.post(URL, json=PING)).json()
        foreign = await http.post(URL, json=PING, headers={"origin": "https://evil.example"})
        assert is_problem(foreign, 403, "forbidden")
        assert is_problem(await http.post(URL, json={"method": "ping"}), 400, "invalid-request")
        assert is_problem(await http.get(URL), 405, "method-not-allowed")
        notified = await http.post(URL, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert (202, b"") == (notified.status_code, notified.content)


@pytest.mark.parametrize("named", [None, *PROTOCOLS])
async def test_a_version_that_is_spoken_or_that_nobody_names_is_answered(app, named):
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        headers = {} if named is None else {"mcp-protocol-version": named}
        assert 200 == (await http.post(URL, json=PING, headers=headers)).status_code


@pytest.mark.parametrize("named", ["2025-03-26", "2024-11-05", "2026-07-28", "1999-01-01", "", "latest"])
async def test_a_version_that_is_not_spoken_is_400(app, named):
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        refused = await http.post(URL, json=PING, headers={"mcp-protocol-version": named})
        assert is_problem(refused, 400, "invalid-request")
        asked = {"protocolVersion": named, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        offered = await http.post(URL, json={**PING, "method": "initialize", "params": asked})
    assert PROTOCOLS[0] == offered.json()["result"]["protocolVersion"]


async def test_a_batch_which_no_spoken_version_has_is_400(app):
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        assert is_problem(await http.post(URL, json=[PING]), 400, "invalid-request")
