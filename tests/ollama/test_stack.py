"""A search through the whole stack, with ours and with the real Ollama behind it."""

import itertools
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from ops.ollama.server import OllamaServer
from tests.ollama.conftest import BOTH
from tests.parts.models import ROOT
from tests.parts.stack import RunningStack, running_stack

QUESTIONS = json.loads((ROOT / "tests" / "data" / "demo_questions.json").read_text())
DEADLINE_S = 30
SPARED = {"EDGE_RATE_LIMIT_EXEMPT": "127.0.0.1/32"}


@pytest.fixture(scope="module", params=BOTH)
def edge(request: pytest.FixtureRequest) -> Iterator[RunningStack]:
    """A running stack over each of the two servers."""
    if request.param == "embedded":
        yield request.getfixturevalue("stack")
        return
    with running_stack(EDGE_OLLAMA_URL=request.getfixturevalue("ollama_server").url, **SPARED) as running:
        yield running


def search(client: httpx.Client, query: str, **fields) -> dict:
    reply = client.post("/api/knowledge/search", json={"query": query, "shopId": 1, **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_every_question_of_the_demo_shop_finds_its_passage(edge):
    with edge.client() as client:
        found = {asked["question"]: search(client, asked["question"]) for asked in QUESTIONS["answerable"]}
    missed = [
        (asked["question"], [(hit["source"], hit["similarity"]) for hit in found[asked["question"]]["results"][:2]])
        for asked in QUESTIONS["answerable"]
        if [hit["source"] for hit in found[asked["question"]]["results"][:1]] != [asked["source"]]
    ]
    assert missed == []


def test_foreign_questions_find_nothing(edge):
    with edge.client() as client:
        found = {question: search(client, question)["results"] for question in QUESTIONS["foreign"]}
    assert {question: hits for question, hits in found.items() if hits} == {}


def test_what_a_shop_learns_is_found_at_once(edge):
    with edge.client(edge.key(shop=7)) as client:
        content = "On the first Monday of a month we repair umbrellas for free."
        learned = client.post("/api/knowledge/learn", json={"shopId": 7, "content": content})
        assert learned.is_success, learned.text
        hits = search(client, "Can you fix my broken umbrella?", shopId=7)["results"]
    assert [hit["id"] for hit in hits] == [learned.json()["id"]]


def same_question_anew(question: str) -> Iterator[str]:
    """The question in one mix of capitals after the other: the same words, but not in any cache yet."""
    for letters in itertools.product(*(sorted({letter, letter.upper()}) for letter in question)):
        yield "".join(letters)


@pytest.mark.ollama
def test_search_goes_on_without_ollama_and_takes_it_back(layout):
    def answers(*, degraded: bool) -> bool:
        answer = search(client, next(questions))
        assert answer["results"]
        return (answer.get("degraded") == "embeddings") == degraded

    def wait_until(*, degraded: bool) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not answers(degraded=degraded):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    questions = same_question_anew("how much is a haircut")
    with OllamaServer(layout) as own, running_stack(EDGE_OLLAMA_URL=own.url, **SPARED) as edge, edge.client() as client:
        wait_until(degraded=False)
        own.kill()
        wait_until(degraded=True)
        own.start()
        wait_until(degraded=False)
