"""Responses: what was made in a transaction, and what was read."""

import msgspec
from litestar.response.base import ASGIResponse

from core.knowledge.learner import Reply

REPLAYED = {"idempotent-replayed": "true"}


def sent(reply: Reply) -> ASGIResponse:
    """The response that carries a reply, and says when it is one from before."""
    return ASGIResponse(body=reply.body, status_code=reply.status, headers=REPLAYED if reply.replayed else None)


def encoded(response: msgspec.Struct) -> ASGIResponse:
    """The response that carries what was read."""
    return ASGIResponse(body=msgspec.json.encode(response))
