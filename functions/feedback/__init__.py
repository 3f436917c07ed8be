"""What people say of answers, and what the shop learns from it."""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.feedback.giving import CORRECTION, RATING, VOICE, correct, rate, transcribe
from functions.feedback.learning import APPROVE, PENDING, UNDO, approve, list_pending, undo

NOBODYS = "00000000-0000-4000-8000-000000000000"
FUNCTION = Function(
    name="feedback",
    summary="Rate and correct answers, and decide what is learned from it",
    routes=(
        Route("POST", RATING),
        Route("POST", CORRECTION),
        Route("POST", VOICE),
        Route("GET", PENDING),
        Route("POST", APPROVE),
        Route("POST", UNDO),
    ),
    # Held to refusals: a rating that is taken would stay, and whether its conversation exists may not be known in time.
    smoke=(
        Smoke("POST", RATING, {"conversationId": NOBODYS, "feedbackType": "star_rating"}, status=400),
        Smoke("GET", f"{PENDING}?shopId=1", status=401),
    ),
    timeout_s=30.0,
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    handlers = [rate, correct, transcribe, list_pending, approve, undo]
    return make_app(
        FUNCTION, handlers, opens=partial(open_services, settings or Settings.from_environ(os.environ), "feedback")
    )
