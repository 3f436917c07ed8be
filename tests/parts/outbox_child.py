"""A process that puts turns and ratings into an outbox and drains it, and is killed at a named step of the third one.

`python -m tests.parts.outbox_child SETTINGS.json STEP`; each acknowledged conversation is printed as a line.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec
from uuid_utils.compat import uuid7

from core.conversations import events
from core.db.conversations import Message
from core.db.feedback import Rating
from core.outbox import outbox as outboxes
from core.settings import Settings
from tests.parts.talk import outbox_over, turn

CONVERSATIONS = 4
KILLED_AT = 3
STEPS = ("before the sync", "after the sync", "within the transaction", "after its commit", "before it is taken away")


class Killer:
    """Ends this process as a power cut would, the third time that it passes the step."""

    def __init__(self, step: str) -> None:
        self._step = step
        self._passed = 0

    def passes(self, step: str) -> None:
        self._passed += step == self._step
        if self._passed == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(killer: Killer) -> None:
    """Put the killer on the outbox's way: SQLite says which statement it is about to run."""
    store, apply_say = outboxes.Store, events.conversations.say
    put, done = store.put, store.done
    doing = {"step": ""}

    def traced(step):
        def trace(statement: str) -> None:
            if statement == "commit" and doing["step"] == step:
                killer.passes(step)

        return trace

    def watched_put(self, given) -> None:
        self._open().set_trace_callback(traced("before the sync"))
        doing["step"] = "before the sync"
        put(self, given)
        doing["step"] = ""
        killer.passes("after the sync")

    def watched_done(self, event_id) -> None:
        killer.passes("after its commit")
        self._open().set_trace_callback(traced("before it is taken away"))
        doing["step"] = "before it is taken away"
        done(self, event_id)
        doing["step"] = ""

    async def watched_say(conn, shop_id: int, messages: list[Message]) -> None:
        await apply_say(conn, shop_id, messages[:1])
        killer.passes("within the transaction")
        await apply_say(conn, shop_id, messages)

    store.put, store.done, events.conversations.say = watched_put, watched_done, watched_say


async def run(settings: Settings, killer: Killer) -> None:
    arm(killer)
    async with outbox_over(settings, drains=False) as box:
        for _ in range(CONVERSATIONS):
            one = turn()
            rating = Rating(
                id=uuid7(),
                conversation_id=one.conversation_id,
                feedback_type="thumbs_down",
                rating=None,
                reason=None,
                metadata={},
                created_at=events.now(),
            )
            await box.put(events.turn_event(one), events.rating_event(one.shop_id, rating))
            sys.stdout.write(f"{one.conversation_id}\n")
            sys.stdout.flush()
        await box.drain_once("database")


if __name__ == "__main__":
    given = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=dict[str, str])
    asyncio.run(run(Settings.from_environ(given), Killer(sys.argv[2])))
