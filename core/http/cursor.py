"""A cursor: a position in a list as text that callers do not look into; nothing in it is trusted."""

import base64
import re
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.db.position import Position
from core.errors import FieldError, InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
CURSOR = "^[A-Za-z0-9_-]{32}$"
_LAYOUT = struct.Struct(">q16s")


def cursor_of(position: Position) -> str:
    """URL-safe base64 of the time (microseconds since 1970, big-endian int64) and the id (16 bytes)."""
    raw = _LAYOUT.pack((position.created_at - _EPOCH) // _MICROSECOND, position.id.bytes)
    return base64.urlsafe_b64encode(raw).decode()


def position_of(cursor: str) -> Position:
    """The position of a cursor; raises InvalidRequest for a text that `cursor_of` did not make."""
    if not re.fullmatch(CURSOR, cursor):
        detail = "is not a cursor of this list"
        raise InvalidRequest(f"cursor: {detail}", errors=(FieldError("/cursor", detail),))
    microseconds, row_id = _LAYOUT.unpack(base64.urlsafe_b64decode(cursor))
    return Position(_time_at(microseconds), UUID(bytes=row_id))


def _time_at(microseconds: int) -> datetime:
    # A forged cursor may name a time that no calendar has: it stands before or after all rows.
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if microseconds > 0 else datetime.min.replace(tzinfo=UTC)
