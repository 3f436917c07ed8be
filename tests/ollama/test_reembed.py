"""From the embedded model to the real Ollama and back, under traffic: no request fails, no answer is of both."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import httpx
import pytest

from tests.parts.models import http_client
from tests.parts.stack import RunningStack, running_stack

pytestmark = [pytest.mark.ollama, pytest.mark.timeout(900)]

QUESTIONS = ["how much is a haircut?", "Can I pay by card?", "Where can I park?"]
WRITERS_SHOP = 7
COMMAND_S = 600  # half a thousand texts to calibrate a model that nobody has measured, on a busy machine
SEARCH, LEARN, PASSAGES = "/api/knowledge/search", "/api/knowledge/learn", "/api/knowledge/passages"


class Traffic:
    """Searches of the demo shop, whose passages stand still, and writes into another; each in a thread."""

    def __init__(self, edge: RunningStack) -> None:
        self._edge = edge
        self._done = threading.Event()
        self._key = edge.key(shop=WRITERS_SHOP)
        self.answers: list[tuple[str, str]] = []  # question, results
        self.learned: list[str] = []
        self.failed: list[str] = []

    def search(self, client: httpx.Client) -> None:
        for question in QUESTIONS:
            reply = client.post(SEARCH, json={"query": question, "shopId": 1, "threshold": 0})
            if reply.status_code != 200 or "degraded" in reply.json():
                self.failed.append(reply.text)
            else:
                self.answers.append((question, json.dumps(reply.json()["results"])))

    def learn(self, client: httpx.Client) -> None:
        content = f"On day {len(self.learned)} the barber tells joke number {len(self.learned)}."
        reply = client.post(LEARN, json={"shopId": WRITERS_SHOP, "content": content})
        if reply.is_success:
            self.learned.append(reply.json()["id"])
        else:
            self.failed.append(reply.text)

    def _repeat(self, work: Callable[[httpx.Client], None]) -> None:
        with self._edge.client(self._key if work == self.learn else None) as client:
            while not self._done.is_set():
                work(client)
                self._done.wait(0.02)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._repeat, args=(work,)) for work in (self.search, self.learn)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()


def moved(edge: RunningStack, *arguments: str) -> dict:
    done = edge.edge("reembed", "--json", *arguments, timeout_s=COMMAND_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def answers_now(edge: RunningStack) -> dict[str, str]:
    traffic = Traffic(edge)
    with edge.client() as client:
        traffic.search(client)
    assert traffic.failed == []
    return dict(traffic.answers)


def test_from_the_embedded_model_to_ollama_and_back(ollama_server):
    with http_client(ollama_server.url) as http:  # load it: the first answer of a cold one takes seconds
        http.post("/api/embed", json={"model": "all-minilm", "input": "warm"}).raise_for_status()
    with running_stack(EDGE_RATE_LIMIT_EXEMPT="127.0.0.1/32", EDGE_EMBED_DEADLINE_S="20") as edge:
        embedded = answers_now(edge)
        traffic = Traffic(edge)
        with traffic.flowing():
            there = moved(edge, "--to", ollama_server.url, "all-minilm")
            real = answers_now(edge)
            back = moved(edge)
            at_home = answers_now(edge)
        assert traffic.failed == []
        assert there["url"] == ollama_server.url
        assert 1 in there["switched"]
        assert 1 in back["switched"]
        assert (there["left"], back["left"]) == ([], [])
        # The two compute with other kernels: no two similarities of theirs are equal in all results.
        assert all(embedded[question] != real[question] for question in QUESTIONS)
        assert at_home == embedded
        for question in QUESTIONS:
            seen = [results for asked, results in traffic.answers if asked == question]
            assert set(seen) <= {embedded[question], real[question]}
            changes = sum(one != two for one, two in pairwise(seen))
            assert changes == 2
        with edge.client(traffic._key) as client:
            listed = client.get(PASSAGES, params={"shopId": WRITERS_SHOP}).json()
        assert listed["total"] == len(traffic.learned)
        assert moved(edge, "--dry-run")["left"] == []
