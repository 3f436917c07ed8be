"""What happens in a hand-off, told to both sides as it happens: server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, HeaderParameter
from litestar.response.base import ASGIResponse

from core.db.handoffs import Event as Line
from core.errors import Unavailable
from core.http.events import Event, EventStream, resume
from core.http.request import EdgeRequest
from core.http.routes import streams
from core.services import Services
from functions.handoff.party import Party, party_of
from functions.handoff.structs import EventView, StreamedLine

RETRY_MS = 2000
BATCH = 100
LastEventId = Annotated[
    int, HeaderParameter(name="Last-Event-ID", ge=0, le=2**31 - 1, description="The last line that was received")
]


@get("/api/handoff/{handoff_id:uuid}/events", **streams(StreamedLine, "party"))
async def watch(request: EdgeRequest, handoff_id: FromPath[UUID], last_event_id: LastEventId = 0) -> ASGIResponse:
    """Follow a hand-off: each line as an event `message` or `state`, its number as the id."""
    party = await party_of(request, handoff_id)
    desk = request.services.desk
    handoff = await desk.read(party.shop_id, handoff_id)
    # With its last line a hand-off ends: who has it would wait for ever.
    if handoff.status == "closed" and not await desk.events(party.shop_id, handoff_id, after=last_event_id, limit=1):
        return ASGIResponse(status_code=204)
    told = Following(request.services, party, handoff_id, last_event_id)
    return EventStream(told.lines(), told.farewell, retry_ms=RETRY_MS)


class Following:
    """The lines of a hand-off after a number."""

    def __init__(self, services: Services, party: Party, handoff_id: UUID, after: int) -> None:
        self._desk = services.desk
        self._lookout = services.lookout
        self._party = party
        self._handoff_id = handoff_id
        self._after = after

    async def lines(self) -> AsyncGenerator[Event, None]:
        """Each as it comes, up to the one that closes.

        While the database is away the stream goes on in silence: what was missed comes when it is back.
        """
        while True:
            for line in await self._missing():
                self._after = line.number
                yield Event(line.kind, msgspec.json.encode(EventView.of(line)), str(line.number))
                if line.status == "closed":
                    return
            await self._lookout.wait(self._party.shop_id, self._handoff_id, self._after)

    def farewell(self) -> Event:
        """What to tell a client whose stream ends before the hand-off does."""
        return resume(str(self._after), RETRY_MS)

    async def _missing(self) -> list[Line]:
        try:
            return await self._desk.events(self._party.shop_id, self._handoff_id, after=self._after, limit=BATCH)
        except Unavailable:
            return []
