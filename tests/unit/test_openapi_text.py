"""What each function's OpenAPI document says of its operations and fields to whoever reads it."""

import importlib
from pathlib import Path

import httpx
import pytest

from core.settings import Settings

FUNCTIONS = sorted(path.stem for path in (Path(__file__).parents[2] / "functions").glob("[!_.]*"))


async def document_of(function: str) -> dict:
    app = importlib.import_module(f"functions.{function}").create_app(Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
        return (await client.get(f"/docs/{function}/openapi.json")).json()


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_operations_are_titled_by_a_sentence_and_no_two_by_the_same(function):
    items = (await document_of(function))["paths"].values()
    titles = [operation["summary"] for item in items for operation in item.values()]
    assert len(set(titles)) == len(titles)
    assert [] == [title for title in titles if title.title() == title or title.endswith(".")]


async def test_a_search_tells_similarity_from_threshold_and_the_default_that_is_in_force():
    schemas = (await document_of("search"))["components"]["schemas"]
    similarity = schemas["SearchResult"]["properties"]["similarity"]
    threshold = schemas["SearchRequest"]["properties"]["threshold"]
    assert "least" not in similarity["description"]
    assert "answers the question" in similarity["description"]
    assert (0.5, True) == (threshold["default"], threshold["nullable"])


async def test_a_write_tells_of_the_sign_of_a_replay_and_a_read_does_not():
    paths = (await document_of("learn"))["paths"]
    write, read = paths["/api/knowledge/learn"]["post"], paths["/api/knowledge/passages"]["get"]
    told = ["Idempotent-Replayed" in operation["responses"]["200"]["headers"] for operation in (write, read)]
    assert [True, False] == told
