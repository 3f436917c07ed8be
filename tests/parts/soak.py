"""Load that outlives faults: shops are written to and searched while parts die, and what is promised is noted down."""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from tests.parts.stack import RunningStack

LEARN, SEARCH, PASSAGES = "/api/knowledge/learn", "/api/knowledge/search", "/api/knowledge/passages"
PAUSE_S = 0.05
# What may be answered while parts are down (docs/architecture.md); anything else is a defect.
ALLOWED = {200, 201, 502, 503, 504}


class Shop:
    """One shop under load. `acknowledged` is what it must hold in the end: content by id.

    Every answer is read, errors too: none may hold what is another shop's.

    A write without an answer is sent again under its key until it has one, as a client of ours is told to.
    """

    def __init__(self, stack: RunningStack, number: int, mark: str) -> None:
        self.number, self.mark = number, mark
        self.key = stack.key(shop=number)
        self.foreign: list[str] = []  # marks and keys of others, which nothing that is answered may hold
        self._client = lambda: stack.client(self.key, limits=httpx.Limits(max_keepalive_connections=0))
        self.acknowledged: dict[str, str] = {}
        self.answered = 0
        self.defects: list[str] = []

    def works(self) -> list[Callable[[httpx.Client], None]]:
        return [self.write, self.search]

    def write(self, client: httpx.Client) -> None:
        content = f"{self.mark} keeps parcel {uuid.uuid4().hex[:12]} behind the counter."
        headers = {"idempotency-key": uuid.uuid4().hex}
        while (answer := self._ask(client, LEARN, {"content": content}, headers)) is None:
            time.sleep(PAUSE_S)
        self.acknowledged[answer["id"]] = content

    def search(self, client: httpx.Client) -> None:
        """Anything that is found is this shop's, whatever is down."""
        question = {"query": f"Where is the parcel? {self.answered}", "threshold": 0}
        if (answer := self._ask(client, SEARCH, question, {})) is None:
            return
        self.answered += 1
        foreign = [hit["content"] for hit in answer["results"] if not hit["content"].startswith(self.mark)]
        self.defects += [f"shop {self.number} was shown: {content}" for content in foreign]

    def stored(self) -> list[tuple[str, str]]:
        """Every passage that the shop holds, (id, content)."""
        found, cursor = [], None
        with self._client() as client:
            while True:
                params = {"shopId": self.number, "limit": 100, **({"cursor": cursor} if cursor else {})}
                page = client.get(PASSAGES, params=params).raise_for_status().json()
                found += [(passage["id"], passage["content"]) for passage in page["passages"]]
                if (cursor := page["nextCursor"]) is None:
                    return found

    def _ask(
        self, client: httpx.Client, path: str, body: dict[str, Any], headers: dict[str, str]
    ) -> dict[str, Any] | None:
        try:
            reply = client.post(path, json={"shopId": self.number, **body}, headers=headers)
        except httpx.TransportError:
            return None  # nginx itself is down, or was when it answered
        seen = f"{reply.headers} {reply.text}"
        self.defects += [f"{path} answered {reply.status_code} with {one}" for one in self.foreign if one in seen]
        if reply.status_code not in ALLOWED:
            self.defects.append(f"{path} answered {reply.status_code}: {reply.text}")
        return dict(reply.json()) if reply.is_success else None

    def repeat(self, work: Callable[[httpx.Client], None], done: threading.Event) -> None:
        with self._client() as client:
            while not done.wait(PAUSE_S):
                try:
                    work(client)
                except (json.JSONDecodeError, KeyError) as error:
                    self.defects.append(f"an answer that is none: {error!r}")


@contextlib.contextmanager
def under_load(shops: list[Shop]) -> Iterator[None]:
    """Every shop is written to and searched until the block ends; a write that was begun is brought to its end."""
    for shop in shops:
        shop.foreign = [secret for other in shops if other is not shop for secret in (other.mark, other.key)]
    done = threading.Event()
    threads = [threading.Thread(target=shop.repeat, args=(work, done)) for shop in shops for work in shop.works()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
