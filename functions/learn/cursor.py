"""A cursor: a position in the list of passages as text that callers do not look into."""

import base64
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.db.passages import Position
from core.errors import FieldError, InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAYOUT = struct.Struct(">q16s")


def cursor_of(position: Position) -> str:
    """URL-safe base64 of the time (microseconds since 1970, big-endian int64) and the id (16 bytes)."""
    raw = _LAYOUT.pack((position.created_at - _EPOCH) // _MICROSECOND, position.id.bytes)
    return base64.urlsafe_b64encode(raw).decode()


def position_of(cursor: str) -> Position:
    """The position of a cursor; raises InvalidRequest for a text that `cursor_of` did not make."""
    try:
        microseconds, passage_id = _LAYOUT.unpack(base64.b64decode(cursor.encode("ascii"), b"-_", validate=True))
        return Position(_EPOCH + microseconds * _MICROSECOND, UUID(bytes=passage_id))
    except (ValueError, OverflowError, struct.error) as error:
        detail = "is not a cursor of this list"
        raise InvalidRequest(f"cursor: {detail}", errors=(FieldError("/cursor", detail),)) from error
