"""Documents -> batches: of one shop each, so that a transaction writes several and a call embeds several."""

from collections.abc import Iterator

import msgspec

from core.knowledge.document import NewDocument

BATCH_DOCUMENTS = 32
BATCH_CHARS = 32_000
HELD_DOCUMENTS = 512


class Item(msgspec.Struct, frozen=True):
    """A document on its way, and where it stands for who must be told that it failed."""

    document: NewDocument
    file: str
    where: str


class Batch(msgspec.Struct, frozen=True):
    """Documents of one shop."""

    shop_id: int
    items: list[Item]


class Batches:
    """Groups what comes in any order; holds no more than HELD_DOCUMENTS documents back."""

    def __init__(self) -> None:
        self._held: dict[int, list[Item]] = {}
        self._chars: dict[int, int] = {}
        self._count = 0

    def add(self, shop_id: int, item: Item) -> Iterator[Batch]:
        """Take a document; yields what is full by now."""
        self._held.setdefault(shop_id, []).append(item)
        self._count += 1
        chars = sum(len(passage.content) for passage in item.document.passages)
        self._chars[shop_id] = self._chars.get(shop_id, 0) + chars
        if len(self._held[shop_id]) >= BATCH_DOCUMENTS or self._chars[shop_id] >= BATCH_CHARS:
            yield self._take(shop_id)
        while self._count > HELD_DOCUMENTS:
            yield self._take(next(iter(self._held)))  # the shop that has waited longest

    def rest(self) -> Iterator[Batch]:
        """Everything that is held back."""
        while self._held:
            yield self._take(next(iter(self._held)))

    def _take(self, shop_id: int) -> Batch:
        items = self._held.pop(shop_id)
        del self._chars[shop_id]
        self._count -= len(items)
        return Batch(shop_id, items)
