"""Typed facts that an answer came from: a passage that says otherwise is never told, since facts go before passages."""

from typing import Any

from core.answer.turn import FACTS_CATEGORY
from core.db import facts
from core.db.connection import Connection
from core.db.feedback import Exchange, Item


async def facts_behind(conn: Connection, shop_id: int, exchange: Exchange | None) -> dict[str, Any] | None:
    """The facts that an answer told, in words, and their version; None where it told none, or they changed since."""
    if exchange is None:
        return None
    says = [source["content"] for source in exchange.sources if source.get("category") == FACTS_CATEGORY]
    now = await facts.newest(conn, shop_id) if says else None
    if now is None or now.created_at > exchange.answered_at:
        return None
    return {"version": now.version, "says": says}


async def still_said(conn: Connection, shop_id: int, item: Item) -> list[str]:
    """What the facts behind an item go on saying whatever is decided of it; nothing when they were changed."""
    behind = item.metadata.get("contradictsFacts")
    now = await facts.newest(conn, shop_id) if behind else None
    return behind["says"] if behind and now is not None and now.version == behind["version"] else []
