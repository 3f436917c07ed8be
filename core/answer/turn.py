"""One question and its answer, as they are kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

FACTS_CATEGORY = "facts"


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor said and what the assistant answered; a source has content, category, similarity and source."""

    shop_id: int
    conversation_id: UUID
    user_id: str | None
    message: str
    response: str
    sources: list[dict[str, Any]]
    answered: bool
    created_at: datetime
