"""The file that Locust finds: its users, the shape they come in, and a conductor that begins, watches and judges.

`locust -f loadtests/` shows the page, `locust -f loadtests/ --headless --scenario mixed` runs one and ends with 0
(passed), 3 (a criterion was broken) or 2 (it could not begin). docs/load-tests.md tells the rest.
"""

import time
from functools import partial
from typing import Any
from uuid import uuid4
from zlib import crc32

import gevent
from locust import LoadTestShape, between, events, task

from loadtests import shops
from loadtests.answers import STILL_PROMISED, Answer, accepted_fault, chat_fault, health_fault, search_fault
from loadtests.caller import CHAT, Caller
from loadtests.conductor import Conductor
from loadtests.criteria import (
    AFTER_WRITE,
    ANSWERED,
    BY_PASSAGES,
    CHAT_OF_A_SHOP,
    FOUND,
    FROM_A_SHOP,
    LIST_OF_A_SHOP,
    OF_A_SHOP,
    RATING,
    SEARCH,
    STALE,
)
from loadtests.shapes import Turns

SEARCH_PATH, RATING_PATH, HEALTH_PATH = "/api/knowledge/search", "/api/feedback/rating", "/api/health"
PACE_S = 3.0
PROBE_EVERY = 4

CONDUCTOR = Conductor()
CONDUCTOR.listen(events)


class Stages(LoadTestShape):
    """As many users as the chosen scenario has by now, of its class alone."""

    def tick(self) -> Any:
        """Users, users to come a second, their class; None at the end."""
        return CONDUCTOR.tick(self.get_run_time())


class Asker(Caller):
    """Knows how to search."""

    abstract = True

    def ask(self, question: str) -> None:
        """One search. Every fourth question, always the same ones, lets everything pass, and must find something."""
        body: dict[str, Any] = {"query": question, "shopId": CONDUCTOR.options.shop}
        probes = crc32(question.encode()) % PROBE_EVERY == 0
        if probes:
            body["threshold"] = 0
        answer = self.call("POST", SEARCH_PATH, SEARCH, body, check=partial(search_fault, question, least=int(probes)))
        if answer is not None and answer["results"]:
            self.count(FOUND)


class Searcher(Asker):
    """Asks one thing after another."""

    wait_time = between(0.5, 2.0)

    @task
    def search(self) -> None:
        self.ask(CONDUCTOR.questions.pick(self.chance))


class Visitor(Asker):
    """Searches, or talks with the assistant and rates what it said; some are monitors that look at the health."""

    @task(6)
    def search(self) -> None:
        self.ask(CONDUCTOR.questions.pick(self.chance))

    @task(3)
    def talk(self) -> None:
        message, options = CONDUCTOR.questions.pick_as_asked(self.chance), CONDUCTOR.options
        body = {"message": message, "shopId": options.shop, "userId": f"load-{options.tag}"}
        answer = self.stream(body, check=chat_fault)
        if answer is None:
            return
        if answer["answered"]:
            self.count(ANSWERED)
        if answer.get("degraded") in STILL_PROMISED:
            self.count(BY_PASSAGES)
        if self.chance.random() < 1 / 3:
            self.wait()
            self.rate(answer["conversationId"])

    def rate(self, conversation: str) -> None:
        body = {"conversationId": conversation, "feedbackType": "star_rating", "rating": self.chance.randint(3, 5)}
        self.call("POST", RATING_PATH, RATING, body, check=accepted_fault)

    @task(1)
    def look(self) -> None:
        self.call("GET", HEALTH_PATH, "health", check=health_fault)

    def wait_time(self) -> float:
        """Seconds to read and to type: most take three, some much longer (log-normal)."""
        return min(30.0, max(0.5, self.chance.lognormvariate(1.1, 0.8)))


class Owner(Caller):
    """Writes, changes and deletes a passage; a client with a connection of its own looks after each of the three."""

    wait_time = between(0.2, 1.0)

    @task
    def edit(self) -> None:
        shop, parcel = self.chance.choice(shops.OWNERS), uuid4().hex[:12]
        first, second = f"Parcel {parcel} lies on the shelf.", f"Parcel {parcel} lies in the drawer."
        learned = self._write("POST", shops.LEARN, {"shopId": shop, "content": first})
        if learned is None:
            return
        self._look(shop, parcel, there=first)
        path = f"{shops.PASSAGES}/{learned['id']}?shopId={shop}"
        if self._write("PUT", path, {"content": second}) is not None:
            self._look(shop, parcel, there=second)
        if self._write("DELETE", path, None) is not None:
            self._look(shop, parcel, there=None)

    def _write(self, method: str, path: str, body: Any) -> dict[str, Any] | None:
        return self.call(method, path, f"write {method}", body, key=CONDUCTOR.options.key, check=accepted_fault)

    def _look(self, shop: int, parcel: str, *, there: str | None) -> None:
        question = f"where is parcel {parcel}?"

        def check(answer: Answer) -> str | None:
            seen = [row["content"] for row in answer["results"] if parcel in row["content"]]
            stale = None if seen == ([there] if there else []) else f"{STALE} not as it was just written"
            return stale or search_fault(question, answer)

        body = {"query": question, "shopId": shop, "limit": 20, "threshold": 0}
        self.call("POST", SEARCH_PATH, AFTER_WRITE, body, check=check, session=self.fresh_session())


class Shopper(Caller):
    """Belongs to one shop; asks what is asked in each of them, by search, chat and list."""

    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        self.shop = self.chance.choice(shops.SHOPPERS)

    @task(6)
    def search(self) -> None:
        question = f"{self.chance.choice(shops.QUESTIONS)} ({CONDUCTOR.options.tag})"
        body = {"query": question, "shopId": self.shop, "limit": 100, "threshold": 0}

        def check(answer: Answer) -> str | None:
            return shops.rows_fault(self.shop, answer["results"]) or search_fault(question, answer)

        self.call("POST", SEARCH_PATH, OF_A_SHOP, body, check=check)

    @task(2)
    def talk(self) -> None:
        def check(answer: Answer) -> str | None:
            return shops.said_fault(self.shop, answer) or chat_fault(answer)

        body = {"message": self.chance.choice(shops.QUESTIONS), "shopId": self.shop}
        answer = self.call("POST", CHAT, CHAT_OF_A_SHOP, body, check=check)
        if answer is not None and answer.get("sources"):
            self.count(FROM_A_SHOP)

    @task(1)
    def passages(self) -> None:
        def check(answer: Answer) -> str | None:
            return shops.rows_fault(self.shop, answer["passages"])

        path = f"{shops.PASSAGES}?shopId={self.shop}&limit=100"
        self.call("GET", path, LIST_OF_A_SHOP, key=CONDUCTOR.options.key, check=check)


class Crowd(Asker):
    """Asks what nobody asked before, every three seconds whatever becomes of it: longer than an answer may take."""

    expects_refusals = True

    def on_start(self) -> None:
        self.turns = Turns(time.monotonic() + self.chance.uniform(0, PACE_S), PACE_S)
        gevent.sleep(self.turns.wait_s(time.monotonic()))  # those who come together do not ask together

    def wait_time(self) -> float:
        """Seconds to its next turn."""
        return self.turns.wait_s(time.monotonic())

    @task
    def search(self) -> None:
        self.ask(f"{CONDUCTOR.questions.pick(self.chance)} {uuid4().hex[:8]}")
