"""Responses: what was made in a transaction, and what was read."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from litestar.response.base import ASGIResponse

from core.knowledge.once import Reply

REPLAYED = {"idempotent-replayed": "true"}


def sent(reply: Reply, headers: Mapping[str, str] = MappingProxyType({})) -> ASGIResponse:
    """The response that carries a reply, and says when it is one from before."""
    told = {**headers, **(REPLAYED if reply.replayed else {})}
    return ASGIResponse(body=reply.body, status_code=reply.status, headers=told or None)


def encoded(response: msgspec.Struct) -> ASGIResponse:
    """The response that carries what was read."""
    return ASGIResponse(body=msgspec.json.encode(response))
