"""What becomes of notices: each is read anew when it is sent, so that it says what is true by then."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from uuid import UUID

import msgspec

from core.db import conversations, handoffs
from core.db.conversations import Message
from core.db.handoffs import Contact, Event, Handoff
from core.db.pool import Database
from core.errors import Unavailable
from core.handoff import mail
from core.handoff.desk import Desk
from core.handoff.hours import StatedHours
from core.handoff.incoming import UNHEARD, read_unheard
from core.handoff.notices import MAIL, PATIENCE, SAID, WEBHOOK, About, Notice, mailed_to, read_notice
from core.handoff.webhook import Receivers
from core.outbox import event as outbox
from core.outbox.event import Lane
from core.outbox.outbox import Applier
from core.settings import Settings

# A notice is in the outbox before its line is committed: one that is not there after this long never was. No
# transaction takes longer: statements, waits for locks and idle ones end after seconds (core/db/dsn.py).
COMMIT_S = 60.0
LINES = 50
SPEAKERS = {"user": "visitor", "assistant": "assistant", "human": "owner"}
SUBJECTS = {"opened": "A visitor asks for a human", "overdue": "A visitor still waits for a human"}


class _Case(msgspec.Struct, frozen=True):
    handoff: Handoff
    line: Event
    contact: Contact
    events: list[Event]


class Place(msgspec.Struct, frozen=True):
    """Where an owner reads a mail: in this time zone, with the API at this address."""

    zone: tzinfo
    base_url: str


class WebhookBody(msgspec.Struct, frozen=True, rename="camel"):
    """What a receiver gets."""

    event: str
    event_id: str
    shop_id: int
    handoff_id: UUID
    conversation_id: UUID
    status: str
    number: int
    author: str
    content: str
    created_at: str


def appliers(
    database: Database, desk: Desk, hours: StatedHours, receivers: Receivers, settings: Settings
) -> Mapping[Lane, Mapping[str, Applier]]:
    """Of each kind of notice how it is delivered, and how patience ends."""

    async def send_mail(event: outbox.Event) -> None:
        notice = read_notice(event.payload)
        case = await _case(database, event, notice)
        if case is None or settings.smtp_url is None or not (to := mailed_to(case.contact, settings)):
            return  # never committed, or nobody wants a mail any more
        if notice.occasion == "overdue" and case.handoff.status != "overdue":
            return  # somebody answered since, or nobody waits any more
        before = await conversations.messages(database, event.shop_id, [case.handoff.conversation_id])
        told = _told(event, notice, case, before, Place(await hours.zone(event.shop_id), settings.base_url))
        sender, reply_to = settings.mail_from or to, case.handoff.contact
        await mail.send(
            settings.smtp_url,
            mail.compose(message_id=str(event.id), sender=sender, to=to, reply_to=reply_to, lines=told),
        )

    async def call_webhook(event: outbox.Event) -> None:
        notice = read_notice(event.payload)
        case = await _case(database, event, notice)
        if case is None or not case.contact.webhook_url or not case.contact.webhook_secret:
            return
        body = msgspec.json.encode(_body(event, notice, case))
        await receivers.call(case.contact.webhook_url, case.contact.webhook_secret, str(event.id), body)

    async def end_patience(event: outbox.Event) -> None:
        notice = read_notice(event.payload)
        await desk.look_after(About(event.shop_id, UUID(event.topic), notice.handoff_id), notice.number)

    async def give_late(event: outbox.Event) -> None:
        late = read_unheard(event.payload)
        await desk.pass_on(late.incoming, late.answered_at)

    in_database = {PATIENCE: end_patience, UNHEARD: give_late}
    return {"delivery": {MAIL: send_mail, WEBHOOK: call_webhook}, "database": in_database}


async def _case(database: Database, event: outbox.Event, notice: Notice) -> _Case | None:
    """What a notice is about; None when that was never committed. Raises Unavailable while it may still be."""
    handoff = await handoffs.get(database, event.shop_id, notice.handoff_id)
    first = max(notice.number - LINES, 0)
    events = await handoffs.events(database, event.shop_id, notice.handoff_id, after=first, limit=2 * LINES)
    line = next((one for one in events if one.number == notice.number and _tells(one, notice)), None)
    if handoff is None or line is None:
        if time.time() - event.created_at < COMMIT_S:
            raise Unavailable("what this tells is not committed yet")
        return None
    async with database.shop(event.shop_id) as conn:
        contact = await handoffs.contact_of(conn, event.shop_id)
    return _Case(handoff, line, contact, events)


def _tells(line: Event, notice: Notice) -> bool:
    """Whether a line is the one of a notice: the number of one that was rolled back is given again."""
    return line.kind == "message" if notice.occasion in SAID else line.status == notice.occasion


def _told(event: outbox.Event, notice: Notice, case: _Case, spoken: Sequence[Message], place: Place) -> list[str]:
    """The lines of a mail, its subject first: what was said to a human, and before that to the assistant."""
    address = f"{place.base_url}/api/handoff/{notice.handoff_id}"
    said = [_said(one.created_at, one.author, one.content, place) for one in case.events if one.kind == "message"]
    before = [one for one in spoken if one.created_at and one.created_at < case.handoff.created_at][-LINES:]
    lines = [
        f"{SUBJECTS[notice.occasion]} (shop {event.shop_id})",
        *said,
        "",
        f"Reach them at: {case.handoff.contact or 'not given'}",
        f"Answer in the chat: POST {address}/messages with a key of the shop; POST {address}/close gives it back.",
    ]
    if before:
        lines += ["", "Before that, with the assistant:"]
        lines += [_said(one.created_at, SPEAKERS[one.role], one.content, place) for one in before]
    return lines


def _said(at: datetime | None, who: str, what: str, place: Place) -> str:
    clock = "" if at is None else f"{at.astimezone(place.zone):%Y-%m-%d %H:%M %Z}  "
    return f"{clock}{who}: {what}"


def _body(event: outbox.Event, notice: Notice, case: _Case) -> WebhookBody:
    handoff, line = case.handoff, case.line
    return WebhookBody(
        f"handoff.{notice.occasion}",
        str(event.id),
        event.shop_id,
        handoff.id,
        handoff.conversation_id,
        line.status,
        line.number,
        line.author,
        line.content,
        line.created_at.astimezone(UTC).isoformat(),
    )
