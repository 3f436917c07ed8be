"""The file that Locust finds: its users, the shape they come in, and a conductor that begins, watches and judges.

`locust -f loadtests/` shows the page, `locust -f loadtests/ --headless --scenario mixed` runs one and ends with 0
(passed), 3 (a criterion was broken) or 2 (it could not begin). docs/load-tests.md tells the rest.
"""

from typing import Any
from uuid import uuid4

import gevent
from locust import LoadTestShape, between, constant_pacing, events, task

from loadtests import shops
from loadtests.caller import Caller
from loadtests.conductor import Conductor
from loadtests.criteria import AFTER_WRITE, FOREIGN, MISSING, OF_A_SHOP, SEARCH, STALE

SEARCH_PATH, RATING_PATH, HEALTH_PATH = "/api/knowledge/search", "/api/feedback/rating", "/api/health"
PACE_S = 3.0

CONDUCTOR = Conductor()
CONDUCTOR.listen(events)


class Stages(LoadTestShape):
    """As many users as the chosen scenario has by now, of its class alone."""

    def tick(self) -> Any:
        """Users, users to come a second, their class; None at the end."""
        return CONDUCTOR.tick(self.get_run_time())


class Searcher(Caller):
    """Asks one thing after another."""

    wait_time = between(0.5, 2.0)

    @task
    def search(self) -> None:
        question = CONDUCTOR.questions.pick(self.chance)
        self.call("POST", SEARCH_PATH, SEARCH, {"query": question, "shopId": CONDUCTOR.options.shop})


class Visitor(Caller):
    """Searches, or talks with the assistant and rates what it said; some are monitors that look at the health."""

    @task(6)
    def search(self) -> None:
        question = CONDUCTOR.questions.pick(self.chance)
        self.call("POST", SEARCH_PATH, SEARCH, {"query": question, "shopId": CONDUCTOR.options.shop})

    @task(3)
    def talk(self) -> None:
        message, options = CONDUCTOR.questions.pick(self.chance), CONDUCTOR.options
        answer = self.stream({"message": message, "shopId": options.shop, "userId": f"load-{options.tag}"})
        if answer is not None and self.chance.random() < 1 / 3:
            self.wait()
            self.rate(answer["conversationId"])

    def rate(self, conversation: str) -> None:
        body = {"conversationId": conversation, "feedbackType": "star_rating", "rating": self.chance.randint(3, 5)}
        self.call("POST", RATING_PATH, "rating", body)

    @task(1)
    def look(self) -> None:
        self.call("GET", HEALTH_PATH, "health")

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
        return self.call(method, path, f"write {method}", body, key=CONDUCTOR.options.key)

    def _look(self, shop: int, parcel: str, *, there: str | None) -> None:
        def check(answer: dict[str, Any]) -> str | None:
            seen = [row["content"] for row in answer["results"] if parcel in row["content"]]
            return None if seen == ([there] if there else []) else f"{STALE} not as it was just written"

        body = {"query": f"where is parcel {parcel}?", "shopId": shop, "limit": 20, "threshold": 0}
        self.call("POST", SEARCH_PATH, AFTER_WRITE, body, check=check, session=self.fresh_session())


class Shopper(Caller):
    """Belongs to one shop; asks what is asked in each of them, by search, chat and list."""

    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        self.shop = self.chance.choice(shops.SHOPPERS)

    @task(6)
    def search(self) -> None:
        body = {"query": self._question(), "shopId": self.shop, "limit": 100, "threshold": 0}
        self.call("POST", SEARCH_PATH, OF_A_SHOP, body, check=self._check_search)

    @task(2)
    def talk(self) -> None:
        self.call(
            "POST", "/api/chat", "chat of a shop", {"message": self._question(), "shopId": self.shop}, check=self._check
        )

    @task(1)
    def passages(self) -> None:
        path = f"{shops.PASSAGES}?shopId={self.shop}&limit=100"
        self.call("GET", path, "passages of a shop", key=CONDUCTOR.options.key, check=self._check)

    def _question(self) -> str:
        return f"{self.chance.choice(shops.QUESTIONS)} ({CONDUCTOR.options.tag})"

    def _check_search(self, answer: dict[str, Any]) -> str | None:
        found = len(answer["results"]) >= len(shops.SUBJECTS)
        return self._check(answer) if found else f"{MISSING} not all rows of the shop, which the threshold lets through"

    def _check(self, answer: dict[str, Any]) -> str | None:
        return f"{FOREIGN} a row of another shop" if shops.foreign(self.shop, answer) else None


class Crowd(Caller):
    """Asks what nobody asked before, every three seconds whatever becomes of it: longer than an answer may take."""

    wait_time = constant_pacing(PACE_S)
    expects_refusals = True

    def on_start(self) -> None:
        gevent.sleep(self.chance.uniform(0, PACE_S))  # those who come together do not ask together

    @task
    def search(self) -> None:
        question = f"{CONDUCTOR.questions.pick(self.chance)} {uuid4().hex[:8]}"
        self.call("POST", SEARCH_PATH, SEARCH, {"query": question, "shopId": CONDUCTOR.options.shop})
