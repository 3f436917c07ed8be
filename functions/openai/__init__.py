"""The door for clients of OpenAI's API: a shop's assistant as a model, and the embedding model."""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import WITH_MODEL, Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.openai.completions import COMPLETIONS, complete
from functions.openai.embedding import EMBEDDINGS, MODELS, embed, list_models

FUNCTION = Function(
    name="openai",
    summary="A shop's assistant and the embedding model for clients of OpenAI's API",
    routes=(Route("POST", COMPLETIONS, stream=True), Route("POST", EMBEDDINGS), Route("GET", MODELS)),
    # A release has no key: held to the refusal that a caller without one gets, through gate, database and problem.
    smoke=(
        Smoke("POST", COMPLETIONS, {"model": "shop-1", "messages": [{"role": "user", "content": "Hello"}]}, 401),
        Smoke("GET", MODELS, status=401),
    ),
    concurrency=WITH_MODEL,
    timeout_s=60.0,
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    settings = settings or Settings.from_environ(os.environ)
    return make_app(FUNCTION, [complete, embed, list_models], opens=partial(open_services, settings, "assistant"))
