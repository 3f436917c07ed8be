"""Who calls: a bearer key becomes a principal, and a principal may touch its own shop only."""

import re
from typing import Any

from core.errors import Forbidden, Unauthorized
from core.http.request import EdgeRequest

_KEY = re.compile(r"edge_[A-Za-z0-9_-]{43}")
_SCOPE_KEY = "edge.principal"


def bearer_key(headers: list[str]) -> str:
    """The key in the request's `Authorization` headers (RFC 6750); raises Unauthorized unless there is exactly one."""
    if len(headers) != 1:
        raise Unauthorized("send a valid key as Authorization: Bearer <key>")
    scheme, _, key = headers[0].partition(" ")
    if scheme.lower() != "bearer" or not _KEY.fullmatch(key.strip(" ")):
        raise Unauthorized("send a valid key as Authorization: Bearer <key>")
    return key.strip(" ")


async def needs_key(request: EdgeRequest) -> None:
    """Raise Unauthorized unless the request carries a key that exists and was not revoked."""
    key = bearer_key(request.headers.getall("authorization", []))
    from core.db.keys import authenticate

    services = request.app.state.services
    principal = await authenticate(services.database, key)
    if principal is None:
        raise Unauthorized("this key does not exist or was revoked")
    request.scope[_SCOPE_KEY] = principal  # type: ignore[literal-required]  # an extension key of ours


def require_shop(request: EdgeRequest, shop_id: int) -> None:
    """Raise Forbidden unless the request's key is of this shop or of the operator."""
    principal: Any = request.scope[_SCOPE_KEY]  # type: ignore[literal-required]
    if principal.shop_id is not None and principal.shop_id != shop_id:
        raise Forbidden("this key belongs to another shop")
