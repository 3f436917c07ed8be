"""A visitor's message answered, in one piece or as it is written."""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import WITH_MODEL, Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.chat.answering import PATH, chat

FUNCTION = Function(
    name="chat",
    summary="Answer a visitor's message from what the shop knows",
    routes=(Route("POST", PATH, stream=True),),
    smoke=(Smoke("POST", PATH, {"message": "What are your opening hours?"}), Smoke("POST", PATH, {"message": ""}, 400)),
    concurrency=WITH_MODEL,
    timeout_s=60.0,
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    return make_app(
        FUNCTION, [chat], opens=partial(open_services, settings or Settings.from_environ(os.environ), "assistant")
    )
