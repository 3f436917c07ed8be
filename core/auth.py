"""Who calls: a bearer key becomes a principal, and a principal may touch its own shop only."""

import re
from collections.abc import Sequence

from core.db.keys import Principal, authenticate
from core.db.pool import Database
from core.errors import Forbidden, Unauthorized

_KEY = re.compile(r"edge_[A-Za-z0-9_-]{43}")


def bearer_key(headers: Sequence[str]) -> str:
    """The key in a request's `Authorization` headers (RFC 6750); raises Unauthorized unless there is exactly one."""
    scheme, _, credentials = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not _KEY.fullmatch(key := credentials.strip(" ")):
        raise Unauthorized("send a valid key as Authorization: Bearer <key>")
    return key


async def principal_of(database: Database, headers: Sequence[str]) -> Principal:
    """Who sent these `Authorization` headers; raises Unauthorized for a key that never was or was revoked."""
    principal = await authenticate(database, bearer_key(headers))
    if principal is None:
        raise Unauthorized("this key does not exist or was revoked")
    return principal


def require_shop(principal: Principal, shop_id: int) -> None:
    """Raise Forbidden unless the key is of this shop or of the operator."""
    if principal.shop_id is not None and principal.shop_id != shop_id:
        raise Forbidden("this key belongs to another shop")
