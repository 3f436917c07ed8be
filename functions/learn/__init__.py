"""What a shop knows: passages written one by one or many at once, listed, read, replaced, deleted."""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.learn.passages import PASSAGES, delete_one, list_all, read_one, replace_one
from functions.learn.writing import BATCH, BATCH_LIMIT_BYTES, LEARN, learn_batch, learn_one

PASSAGE_ROUTE = f"{PASSAGES}/{{id}}"
FUNCTION = Function(
    name="learn",
    summary="Write, list, read, replace and delete what a shop knows",
    routes=(
        Route("POST", LEARN),
        Route("POST", BATCH, BATCH_LIMIT_BYTES),
        Route("GET", PASSAGES),
        Route("GET", PASSAGE_ROUTE),
        Route("PUT", PASSAGE_ROUTE),
        Route("DELETE", PASSAGE_ROUTE),
    ),
    # Held to a refusal, so that a worker that crashed comes back while a part is missing.
    smoke=(Smoke("GET", f"{PASSAGES}?shopId=1", status=401),),
    concurrency=32,
    # A thousand long passages through a model on two cores.
    timeout_s=300.0,
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    handlers = [learn_one, learn_batch, list_all, read_one, replace_one, delete_one]
    return make_app(
        FUNCTION, handlers, opens=partial(open_services, settings or Settings.from_environ(os.environ), "learner")
    )
