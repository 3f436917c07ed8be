"""Notices to owners as events of the outbox: what they are about is read when they are sent."""

from typing import Literal
from uuid import UUID, uuid5

import msgspec

from core.db.handoffs import Contact
from core.outbox.event import Event
from core.settings import Settings

MAIL, WEBHOOK, PATIENCE = "handoff-mail", "handoff-webhook", "handoff-patience"
Occasion = Literal["opened", "message", "overdue", "closed"]
# An owner gets a mail when somebody needs them, not for each line that is said.
MAILED: frozenset[Occasion] = frozenset({"opened", "overdue"})
SAID: frozenset[Occasion] = frozenset({"opened", "message"})  # the rest are states
MINUTE_S = 60.0


class Notice(msgspec.Struct, frozen=True):
    """What happened in a hand-off; `number` is the line that says it."""

    handoff_id: UUID
    occasion: Occasion
    number: int


class About(msgspec.Struct, frozen=True):
    """The hand-off that events are about."""

    shop_id: int
    conversation_id: UUID
    handoff_id: UUID


def ways(contact: Contact, settings: Settings) -> list[str]:
    """In which ways a shop hears of its hand-offs: in none, it hears of none."""
    mails = [MAIL] if settings.smtp_url and mailed_to(contact, settings) else []
    return [*mails, WEBHOOK] if contact.webhook_url else mails


def mailed_to(contact: Contact, settings: Settings) -> str | None:
    """The address that mails about a shop's hand-offs go to."""
    return contact.email or settings.owner_email


def notices(about: About, occasion: Occasion, number: int, contact: Contact, settings: Settings) -> list[Event]:
    """One event for each way in which the owner wants to hear of it; the same line makes the same events."""
    kinds = [kind for kind in ways(contact, settings) if kind != MAIL or occasion in MAILED]
    payload = msgspec.json.encode(Notice(about.handoff_id, occasion, number))
    return [
        Event(
            id=_id(about, f"{kind} {occasion}", number),
            kind=kind,
            lane="delivery",
            shop_id=about.shop_id,
            topic=str(about.conversation_id),
            payload=payload,
        )
        for kind in kinds
    ]


def patience(about: About, number: int, start: float, minutes: float) -> Event:
    """The event that looks, some minutes after the start, whether the owner has answered a line."""
    return Event(
        id=_id(about, PATIENCE, number),
        kind=PATIENCE,
        lane="database",
        shop_id=about.shop_id,
        topic=str(about.conversation_id),
        payload=msgspec.json.encode(Notice(about.handoff_id, "overdue", number)),
        due_at=start + minutes * MINUTE_S,
    )


def _id(about: About, what: str, number: int) -> UUID:
    return uuid5(about.handoff_id, f"{what} {number}")


read_notice = msgspec.json.Decoder(Notice).decode
