"""A visitor asks for a human, and a human of the shop answers."""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.handoff.asking import HANDOFF, list_open, open_one, read_one
from functions.handoff.talking import close, list_messages, say
from functions.handoff.watching import watch

ONE = f"{HANDOFF}/{{id}}"
NOBODYS = f"{HANDOFF}/00000000-0000-4000-8000-000000000000"
FUNCTION = Function(
    name="handoff",
    summary="Ask for a human, and talk to them",
    routes=(
        Route("POST", HANDOFF),
        Route("GET", HANDOFF),
        Route("GET", ONE),
        Route("GET", f"{ONE}/messages"),
        Route("POST", f"{ONE}/messages"),
        Route("POST", f"{ONE}/close"),
        Route("GET", f"{ONE}/events", stream=True),
    ),
    smoke=(Smoke("GET", NOBODYS, status=401), Smoke("POST", HANDOFF, {"shopId": 0}, status=400)),
    # Streams count for as long as they are open, and cost next to nothing.
    concurrency=512,
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    handlers = [open_one, list_open, read_one, list_messages, say, close, watch]
    return make_app(
        FUNCTION, handlers, opens=partial(open_services, settings or Settings.from_environ(os.environ), "conversations")
    )
