"""What was said: a conversation, those of a user, those that a person should look at."""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.conversations.reading import (
    BASE,
    FLAG,
    OF_USER,
    REVIEW,
    flag,
    read_flagged,
    read_of_any_user,
    read_of_user,
    read_one,
)

FUNCTION = Function(
    name="conversations",
    summary="Read and flag what was said to visitors",
    routes=(
        Route("GET", f"{BASE}/{{id}}"),
        Route("GET", f"{OF_USER}/{{userId}}"),
        Route("GET", OF_USER),
        Route("POST", FLAG),
        Route("GET", REVIEW),
    ),
    smoke=(Smoke("GET", f"{REVIEW}?shopId=1", status=401),),
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    handlers = [read_one, read_of_user, read_of_any_user, read_flagged, flag]
    return make_app(
        FUNCTION, handlers, opens=partial(open_services, settings or Settings.from_environ(os.environ), "conversations")
    )
