"""A passage as somebody gives it -> as it is written."""

from uuid import UUID

from core.db.passages import Passage
from core.knowledge.document import NewPassage


def identified(new: NewPassage, passage_id: UUID) -> Passage:
    """The passage under an id, with the times that it had before, if any."""
    return Passage(passage_id, new.content, new.category, new.source, new.metadata, new.created_at, new.updated_at)
