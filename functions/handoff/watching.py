"""What happens in a hand-off, told to both sides as it happens: server-sent events (WHATWG HTML, 9.2)."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, HeaderParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from core.errors import Unavailable
from core.handoff.desk import Desk
from core.http.request import EdgeRequest
from core.http.routes import streams
from functions.handoff.party import Party, party_of
from functions.handoff.structs import EventView, StreamedLine

POLL_S = 0.5
HEARTBEAT_S = 15.0  # nginx ends a stream that is silent for 75 s
RETRY_MS = 2000
BATCH = 100
LastEventId = Annotated[
    int, HeaderParameter(name="Last-Event-ID", ge=0, le=2**31 - 1, description="The last line that was received")
]


@get("/api/handoff/{handoff_id:uuid}/events", **streams(StreamedLine, "party"))
async def watch(request: EdgeRequest, handoff_id: FromPath[UUID], last_event_id: LastEventId = 0) -> ServerSentEvent:
    """Follow a hand-off: each line as an event `message` or `state`, its number as the id."""
    party = await party_of(request, handoff_id)
    told = lines(request.services.desk, party, handoff_id, last_event_id)
    return ServerSentEvent(told, headers={"cache-control": "no-store"})


async def lines(desk: Desk, party: Party, handoff_id: UUID, after: int) -> AsyncIterator[ServerSentEventMessage]:
    """The lines after a number as they come, up to the one that closes; a comment while nothing does.

    While the database is away the stream goes on in silence: what was missed comes when it is back.
    """
    yield ServerSentEventMessage(data=None, comment="hello", retry=RETRY_MS)
    spoke_at = time.monotonic()
    while True:
        try:
            found = await desk.events(party.shop_id, handoff_id, after=after, limit=BATCH)
        except Unavailable:
            found = []
        for event in found:
            after, spoke_at = event.number, time.monotonic()
            data = msgspec.json.encode(EventView.of(event)).decode()
            yield ServerSentEventMessage(data, event=event.kind, id=event.number)
            if event.status == "closed":
                return
        if time.monotonic() - spoke_at >= HEARTBEAT_S:
            spoke_at = time.monotonic()
            yield ServerSentEventMessage(data=None, comment="still here")
        await asyncio.sleep(POLL_S)
