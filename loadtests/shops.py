"""Shops of the load test's own: numbers that no customer has, passages that say whose they are, and their removal."""

from collections.abc import Iterator
from typing import Any

from loadtests.api import Api

# Two scenarios at once must not find each other's passages.
FIRST, COUNT = 2_000_000_001, 8
SHOPPERS, OWNERS = range(FIRST, FIRST + COUNT), range(FIRST + COUNT, FIRST + 2 * COUNT)
LEARN, BATCH, PASSAGES = "/api/knowledge/learn", "/api/knowledge/learn/batch", "/api/knowledge/passages"
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


def foreign(shop: int, answer: dict[str, Any]) -> list[str]:
    """The contents in an answer of search, chat or the list of passages that are not of this shop."""
    rows = answer.get("results") or answer.get("sources") or answer.get("passages") or []
    return [row["content"] for row in rows if not row["content"].startswith(mark(shop))]


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
