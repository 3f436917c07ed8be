"""What callers send to learn, and what they get."""

from typing import Annotated, Any

import msgspec

from core.db.passages import Passage
from core.http.fields import Category, Content, Id, Metadata, ShopId, Source, Time, Timestamp, present, utc
from core.knowledge.document import NewPassage

MAX_ITEMS = 1000


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One passage without its shop."""

    content: Content
    category: Category | None = None
    source: Source | None = None
    metadata: Metadata | None = None

    def to_passage(self) -> NewPassage:
        """The passage as knowledge takes it."""
        return NewPassage(self.content.strip(), present(self.category), present(self.source), self.metadata or {})


class LearnRequest(Item, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One passage of a shop."""

    shop_id: ShopId


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Many passages of a shop."""

    shop_id: ShopId
    items: Annotated[list[Item], msgspec.Meta(min_length=1, max_length=MAX_ITEMS)]


class PassageView(msgspec.Struct, frozen=True, rename="camel"):
    """A passage as it is kept."""

    id: Id
    shop_id: int
    content: str
    category: str | None
    source: str | None
    metadata: dict[str, Any]
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, shop_id: int, passage: Passage) -> "PassageView":
        """The passage of this shop."""
        return cls(
            str(passage.id),
            shop_id,
            passage.content,
            passage.category,
            passage.source,
            passage.metadata,
            utc(passage.created_at),
            utc(passage.updated_at),
        )


class LearnResponse(msgspec.Struct, frozen=True):
    """One passage was written, or deleted."""

    success: bool
    id: Id
    message: str
    timestamp: Timestamp


class BatchResponse(msgspec.Struct, frozen=True):
    """Passages were written, in the order of the items."""

    success: bool
    ids: list[Id]
    count: int
    message: str
    timestamp: Timestamp


class PassageResponse(msgspec.Struct, frozen=True):
    """One passage."""

    success: bool
    passage: PassageView
    timestamp: Timestamp


class PageResponse(msgspec.Struct, frozen=True, rename="camel"):
    """Passages, newest first; `total` counts all that match, `nextCursor` is null on the last page."""

    success: bool
    passages: list[PassageView]
    count: int
    total: int
    next_cursor: str | None
    timestamp: Timestamp
