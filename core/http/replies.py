"""The response that carries a reply made in a transaction."""

from collections.abc import Mapping
from types import MappingProxyType

from litestar.response.base import ASGIResponse

from core.knowledge.once import Reply

REPLAYED = {"idempotent-replayed": "true"}


def sent(reply: Reply, headers: Mapping[str, str] = MappingProxyType({})) -> ASGIResponse:
    """The response that carries a reply, and says when it is one from before."""
    told = {**headers, **(REPLAYED if reply.replayed else {})}
    return ASGIResponse(body=reply.body, status_code=reply.status, headers=told or None)
