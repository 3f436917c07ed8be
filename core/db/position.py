"""A place in a list that is read page by page."""

from datetime import datetime
from uuid import UUID

import msgspec


class Position(msgspec.Struct, frozen=True):
    """A place in a list, newest first: what comes after this row."""

    created_at: datetime
    id: UUID
