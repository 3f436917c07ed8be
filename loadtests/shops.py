"""Shops of the load test's own: numbers that no customer has, passages that say whose they are, and their removal."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from loadtests.api import Api
from loadtests.criteria import FOREIGN, MISSING

# Two scenarios at once must not find each other's passages.
FIRST, COUNT = 2_000_000_001, 8
SHOPPERS, OWNERS = range(FIRST, FIRST + COUNT), range(FIRST + COUNT, FIRST + 2 * COUNT)
LEARN, BATCH, PASSAGES = "/api/knowledge/learn", "/api/knowledge/learn/batch", "/api/knowledge/passages"
MARK = re.compile(r"Shop \d+: ")
SUBJECTS = (
    "The house special costs {price} euros and takes an hour.",
    "We open at {hour} o'clock from Monday to Friday.",
    "Parking is behind the house, in row {hour}.",
    "Gift vouchers are sold at the counter from {price} euros.",
    "Dogs are welcome; the water bowl stands at door {hour}.",
    "Appointments may be moved until {hour} hours before.",
)
QUESTIONS = (
    "how much is the house special?",
    "when do you open?",
    "where can I park?",
    "do you sell gift vouchers?",
    "may I bring my dog?",
    "can I move my appointment?",
)


def mark(shop: int) -> str:
    """How each passage of the shop begins."""
    return f"Shop {shop}: "


def contents(shop: int) -> list[str]:
    """What the shop knows; the same subjects as each other shop, with figures of its own."""
    own = shop - FIRST
    return [mark(shop) + text.format(price=20 + own, hour=6 + own) for text in SUBJECTS]


def rows_fault(shop: int, rows: Sequence[dict[str, Any]]) -> str | None:
    """What is wrong with rows that must be all of the shop's, each once."""
    found = [row["content"] for row in rows]
    if any(not content.startswith(mark(shop)) for content in found):
        return f"{FOREIGN} a row of another shop"
    return None if sorted(found) == sorted(contents(shop)) else f"{MISSING} not all rows of the shop, each once"


def said_fault(shop: int, answer: dict[str, Any]) -> str | None:
    """What is wrong with what the assistant said, and rests on."""
    said = [answer["response"], *(source["content"] for source in answer.get("sources", []))]
    marked = [found for text in said for found in MARK.findall(text)]
    unmarked = any(not MARK.match(source["content"]) for source in answer.get("sources", []))
    return f"{FOREIGN} words of another shop" if unmarked or {*marked} - {mark(shop)} else None


def seed(api: Api, shops: range) -> None:
    """Give each shop its passages, and nothing but them; raises Unusable."""
    clear(api, shops)
    for shop in shops:
        api.demand("POST", BATCH, {"shopId": shop, "items": [{"content": text} for text in contents(shop)]})


def clear(api: Api, shops: range) -> None:
    """Remove whatever they hold; raises Unusable."""
    for shop in shops:
        for passage in list(_passages(api, shop)):
            api.ask("DELETE", f"{PASSAGES}/{passage}?shopId={shop}")


def _passages(api: Api, shop: int) -> Iterator[str]:
    cursor = ""
    while True:
        page = api.demand("GET", f"{PASSAGES}?shopId={shop}&limit=100{cursor}")
        yield from (passage["id"] for passage in page["passages"])
        if page["nextCursor"] is None:
            return
        cursor = f"&cursor={page['nextCursor']}"
