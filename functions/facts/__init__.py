"""What a shop states of itself, typed: read by anyone, replaced and undone with its key, every version kept."""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.facts.reading import HISTORY, PATH, read_facts, read_history
from functions.facts.writing import UNDO, put_facts, undo_facts

FUNCTION = Function(
    name="facts",
    summary="What a shop states of itself: opening hours, prices, staff, address, payment",
    routes=(Route("GET", PATH), Route("PUT", PATH), Route("GET", HISTORY), Route("POST", UNDO)),
    # The read that a chat page makes; for a shop without facts it is answered too.
    smoke=(Smoke("GET", f"{PATH}?shopId=1"), Smoke("PUT", PATH, {}, status=401)),
    concurrency=64,
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    handlers = [read_facts, put_facts, read_history, undo_facts]
    return make_app(
        FUNCTION, handlers, opens=partial(open_services, settings or Settings.from_environ(os.environ), "facts")
    )
