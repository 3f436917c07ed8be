"""What callers send of facts, and what they get."""

from typing import Annotated, Literal

import msgspec

from core.facts.types import Facts
from core.http.fields import Id, ShopId, Timestamp

Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1, description="A version; 0 is before the first")]


class PutRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """All facts of a shop; what is left out is gone."""

    shop_id: ShopId
    facts: Facts


class UndoRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Go back to a version, by default to the one before."""

    shop_id: ShopId
    to_version: Number | None = None


class FactsResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The facts in force; null where there are none. `asOf` is when they were last changed."""

    success: bool
    shop_id: int
    version: Number
    facts: Facts | None
    as_of: Timestamp | None
    timestamp: Timestamp


class WrittenResponse(msgspec.Struct, frozen=True, rename="camel"):
    """Facts were changed: the version now in force."""

    success: bool
    shop_id: int
    version: Number
    message: str
    as_of: Timestamp
    timestamp: Timestamp


class VersionView(msgspec.Struct, frozen=True, rename="camel"):
    """One version; `changedBy` is the id of the key, null for the operator's command line."""

    version: Number
    action: Literal["put", "undo"]
    restores: Number | None
    changed_at: Timestamp
    changed_by: Id | None
    facts: Facts | None


class HistoryResponse(msgspec.Struct, frozen=True, rename="camel"):
    """Versions, newest first; `total` counts all."""

    success: bool
    versions: list[VersionView]
    count: int
    total: int
    timestamp: Timestamp
