"""The desk at which visitors ask for a human, and owners answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import msgspec
from uuid_utils.compat import uuid7

from core.db import conversations, handoffs
from core.db.connection import Connection
from core.db.conversations import Message
from core.db.handoffs import Author, Event, Handoff
from core.db.pool import Database
from core.db.position import Position
from core.db.shops import exists
from core.errors import Conflict, NotFound, Unavailable
from core.handoff.hours import Hours, Opening, promise
from core.handoff.incoming import Incoming, Request
from core.handoff.notices import About, Occasion, notices, patience
from core.handoff.tokens import hash_of, new_seed, new_token, token_from
from core.knowledge.once import Once, Reply, Write, write_once
from core.outbox.outbox import Outbox
from core.settings import Settings

MOST_OPEN = 200  # of a shop, of those that may expect an answer: whoever opens more than that is no visitor
SILENT_FOR = timedelta(days=3)  # over a weekend, and Monday
ASKED = "A visitor asks for a human."
CLOSED = {"visitor": "The visitor ended the conversation.", "owner": "The conversation is with the assistant again."}
LEFT = (
    "Nobody has said anything for a while: the conversation is with the assistant again. You can ask for a human again."
)
OVERDUE = "Nobody has answered yet. You can wait, leave a way to reach you, or go on asking the assistant."


class Opened(msgspec.Struct, frozen=True):
    """What a visitor is told: the token is known to nobody else. `is_told`: whether the shop is.

    `seed` is what the token is made of again for the same request: to be kept in its place.
    """

    handoff_id: UUID
    token: str
    conversation_id: UUID
    opening: Opening
    promise: str
    is_told: bool
    seed: str


class Desk:
    """Hand-offs of every shop. Raises DatabaseUnavailable; what is to be delivered is in the outbox before a commit."""

    def __init__(self, database: Database, outbox: Outbox, settings: Settings, hours: Hours) -> None:
        self._database = database
        self._outbox = outbox
        self._settings = settings
        self._hours = hours

    async def open(self, request: Request, respond: Callable[[Opened], Reply], once: Once | None = None) -> Reply:
        """Ask the shop for a human.

        Raises NotFound for a shop that nobody made, Conflict when the conversation waits for one, or has one, already,
        and Unavailable while too many wait with patience.
        """
        shop_id, seed = request.shop_id, new_seed()
        token = new_token() if once is None else token_from(seed, once)
        if not await exists(self._database, shop_id):
            raise NotFound(f"There is no shop {shop_id}.")
        about = About(shop_id, request.conversation_id, uuid4())
        opening = await self._hours.at(shop_id, datetime.now(UTC))

        async def write(conn: Connection) -> Reply:
            await _begin(conn, request)
            if await handoffs.count_open(conn, shop_id) >= MOST_OPEN:
                await self._make_room(conn, shop_id)
            made = await handoffs.open_handoff(
                conn,
                shop_id,
                about.handoff_id,
                conversation_id=about.conversation_id,
                token_hash=hash_of(token),
                contact=request.contact,
            )
            if not made:
                raise Conflict("This conversation waits for a human, or has one, already.")
            event = await self._add(conn, about, "message", "visitor", "waiting", request.message or ASKED)
            is_told = await self._notify(conn, about, "opened", event.number)
            said = promise(opening, self._settings.handoff_patience_min, is_told=is_told)
            await _add_state(conn, about, "waiting", said)
            await self._watch(about, event.number, opening)
            opened = Opened(about.handoff_id, token, about.conversation_id, opening, said, is_told, seed)
            return msgspec.structs.replace(respond(opened), about=about.conversation_id)

        return await self._written(shop_id, once, write)

    async def read(self, shop_id: int, handoff_id: UUID) -> Handoff:
        """One hand-off. Raises NotFound."""
        found = await handoffs.get(self._database, shop_id, handoff_id)
        if found is None:
            raise _missing(handoff_id)
        return found

    async def listed(self, shop_id: int, *, closed: bool, limit: int, after: Position | None = None) -> handoffs.Page:
        """The shop's hand-offs after a position, newest first."""
        return await handoffs.listed(self._database, shop_id, closed=closed, limit=limit, after=after)

    async def events(self, shop_id: int, handoff_id: UUID, *, after: int, limit: int) -> list[Event]:
        """What happened after a line, in order."""
        return await handoffs.events(self._database, shop_id, handoff_id, after=after, limit=limit)

    async def say(  # noqa: PLR0913, PLR0917 - who says what where
        self,
        shop_id: int,
        handoff_id: UUID,
        author: Literal["visitor", "owner"],
        content: str,
        respond: Callable[[Event], Reply],
        once: Once | None = None,
    ) -> Reply:
        """Add a message. With the owner's first one a human has the conversation. Raises NotFound, Conflict."""
        opening = await self._hours.at(shop_id, datetime.now(UTC)) if author == "visitor" else Opening()

        async def write(conn: Connection) -> Reply:
            handoff = await _locked(conn, shop_id, handoff_id)
            about = About(shop_id, handoff.conversation_id, handoff_id)
            if author == "visitor":
                event = await self._hear(conn, shop_id, handoff, content, opening)
            else:
                await handoffs.note_reply(conn, shop_id, handoff_id)
                event = await self._add(conn, about, "message", "owner", "active", content)
            return msgspec.structs.replace(respond(event), about=about.conversation_id)

        return await self._written(shop_id, once, write)

    async def close(self, shop_id: int, handoff_id: UUID, author: Literal["visitor", "owner"]) -> None:
        """Give the conversation back to the assistant; one that is closed stays so. Raises NotFound."""
        async with self._database.shop(shop_id) as conn:
            handoff = await handoffs.lock(conn, shop_id, handoff_id)
            if handoff is None:
                raise _missing(handoff_id)
            if handoff.status == "closed":
                return
            await self._end(conn, shop_id, handoff, CLOSED[author])
        self._outbox.wake()

    async def close_silent(self, shop_id: int) -> int:
        """Close what nobody has said anything in for days, but what may still expect an answer; how many."""
        closed = 0
        for handoff_id in await handoffs.silent(self._database, shop_id, SILENT_FOR):
            async with self._database.shop(shop_id) as conn:
                handoff = await handoffs.lock(conn, shop_id, handoff_id)
                if handoff is None or handoff.status == "closed":
                    continue
                if await handoffs.is_silent(conn, shop_id, handoff_id, SILENT_FOR):
                    await self._end(conn, shop_id, handoff, LEFT)
                    closed += 1
        return closed

    async def pass_on(self, incoming: Incoming, answered_at: datetime | None = None) -> bool:
        """Give a message that came to the assistant to the human who has the conversation; False when nobody has,
        or nobody any more.

        `answered_at`: the assistant answered it then, so that
        it is part of the conversation already; whoever took over later reads it there.
        """
        shop_id, conversation_id = incoming.shop_id, incoming.conversation_id
        handoff = await handoffs.of_conversation(self._database, shop_id, conversation_id)
        if handoff is None or not handoff.is_with_human:
            return False
        opening = await self._hours.at(shop_id, datetime.now(UTC))

        async def write(conn: Connection) -> Reply:
            now = await _locked(conn, shop_id, handoff.id)
            if not now.is_with_human or not _had_it(now, answered_at):
                raise Conflict("No human has this conversation.")
            await self._hear(conn, shop_id, now, incoming.text, opening, is_kept=answered_at is not None)
            await conversations.name_user(conn, shop_id, conversation_id, incoming.user_id)
            return Reply(b"", about=conversation_id)

        try:
            await self._written(shop_id, incoming.once, write)
        except (Conflict, NotFound):
            return False
        return True

    async def look_after(self, about: About, number: int) -> None:
        """Say that nobody has answered a line, if nobody has."""
        shop_id, handoff_id = about.shop_id, about.handoff_id
        async with self._database.shop(shop_id) as conn:
            handoff = await handoffs.lock(conn, shop_id, handoff_id)
            if handoff is None or handoff.status in {"closed", "overdue"}:
                return
            if await handoffs.was_answered(conn, shop_id, handoff_id, since=number):
                return
            await handoffs.note_overdue(conn, shop_id, handoff_id)
            event = await _add_state(conn, about, "overdue", OVERDUE)
            await self._notify(conn, about, "overdue", event.number)
        self._outbox.wake()

    async def _make_room(self, conn: Connection, shop_id: int) -> None:
        """Close the one that is missed least: nobody is refused a human for those that nobody answered."""
        handoff_id = await handoffs.least_missed(conn, shop_id, SILENT_FOR)
        handoff = None if handoff_id is None else await handoffs.lock(conn, shop_id, handoff_id)
        if handoff is None:
            raise Unavailable("Too many wait for a human of this shop; try again later.", retry_after_s=60)
        await self._end(conn, shop_id, handoff, LEFT)

    async def _end(self, conn: Connection, shop_id: int, handoff: Handoff, said: str) -> None:
        about = About(shop_id, handoff.conversation_id, handoff.id)
        await handoffs.note_closed(conn, shop_id, handoff.id)
        event = await _add_state(conn, about, "closed", said)
        await self._notify(conn, about, "closed", event.number)

    async def _hear(  # noqa: PLR0913 - what is heard where
        self, conn: Connection, shop_id: int, handoff: Handoff, content: str, opening: Opening, *, is_kept: bool = False
    ) -> Event:
        """A visitor's line in a hand-off that is locked: the owner is told, and watched."""
        about = About(shop_id, handoff.conversation_id, handoff.id)
        add = _append if is_kept else self._add
        event = await add(conn, about, "message", "visitor", handoff.status, content)
        await self._notify(conn, about, "message", event.number)
        await self._watch(about, event.number, opening)
        return event

    async def _written(self, shop_id: int, once: Once | None, write: Write) -> Reply:
        reply = await write_once(self._database, shop_id, once, write, bulk=False)
        self._outbox.wake()  # not before: what is sent is read from what is committed
        return reply

    async def _add(  # noqa: PLR0913, PLR0917 - the columns of a row
        self, conn: Connection, about: About, kind: str, author: Author, status: handoffs.Status, content: str
    ) -> Event:
        """A line of the hand-off that is one of the conversation too."""
        event = await _append(conn, about, kind, author, status, content)
        at = event.created_at
        await conversations.begin(conn, about.shop_id, about.conversation_id, user_id=None, first=content, at=at)
        role = "human" if author == "owner" else "user"
        await conversations.say(
            conn, about.shop_id, [Message(about.conversation_id, uuid7(), role, content, created_at=at)]
        )
        return event

    async def _notify(self, conn: Connection, about: About, occasion: Occasion, number: int) -> bool:
        """Put what tells the shop into the outbox; whether anything does."""
        contact = await handoffs.contact_of(conn, about.shop_id)
        if events := notices(about, occasion, number, contact, self._settings):
            await self._outbox.put(*events, wakes=False)
        return bool(events)

    async def _watch(self, about: About, number: int, opening: Opening) -> None:
        start = opening.answers_from(datetime.now(UTC)).timestamp()
        await self._outbox.put(patience(about, number, start, self._settings.handoff_patience_min), wakes=False)


async def _begin(conn: Connection, request: Request) -> None:
    now, first = datetime.now(UTC), request.message or ASKED
    await conversations.begin(
        conn, request.shop_id, request.conversation_id, user_id=request.user_id, first=first, at=now
    )


async def _add_state(conn: Connection, about: About, status: handoffs.Status, content: str) -> Event:
    return await _append(conn, about, "state", "system", status, content)


async def _append(  # noqa: PLR0913, PLR0917 - the columns of a row
    conn: Connection, about: About, kind: str, author: Author, status: handoffs.Status, content: str
) -> Event:
    return await handoffs.append(
        conn, about.shop_id, about.handoff_id, kind=kind, author=author, status=status, content=content
    )


def _had_it(handoff: Handoff, at: datetime | None) -> bool:
    return at is None or (handoff.replied_at is not None and handoff.replied_at <= at)


async def _locked(conn: Connection, shop_id: int, handoff_id: UUID) -> Handoff:
    await conversations.lock_shop(conn)  # before the row, as under a key: else two writers wait for each other
    handoff = await handoffs.lock(conn, shop_id, handoff_id)
    if handoff is None:
        raise _missing(handoff_id)
    if handoff.status == "closed":
        raise Conflict("This hand-off is closed; ask for a human again.")
    return handoff


def _missing(handoff_id: UUID) -> NotFound:
    return NotFound(f"There is no hand-off {handoff_id}.")
