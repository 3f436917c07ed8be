"""A person is forgotten, in the database, the outbox and the caches; and then it is looked whether they are."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import msgspec

from core.cache.generation import open_newest
from core.db import erasure
from core.db.erasure import By, Owner
from core.errors import OutboxUnavailable
from core.outbox.event import LANES
from core.outbox.lock import holding
from core.outbox.store import Store
from core.settings import Settings

CACHES = ("answers", "vectors")
PATIENCE_S = 60.0
MIB = 1024 * 1024
Topics = set[tuple[int, str]]
# Deleted rows lie in PostgreSQL's pages until vacuum gives them to others, and in its log until that is written over;
# to rewrite the tables would lock out every visitor for as long as it takes.
UNCHECKED = ["the free space of the database's files and its log, which later writes take", "backups, which expire"]


class Person(msgspec.Struct, frozen=True):
    """Who is to be forgotten: the visitor of this `userId`, conversation, hand-off, or contact left in a hand-off."""

    by: By
    value: str


class Forgotten(msgspec.Struct, rename="camel"):
    """What was removed, by table, and what a search afterwards still found: nothing, unless something is wrong.

    `unchecked` is where nothing looks, and what becomes of it there.
    """

    by: By
    value: str
    shops: list[int]
    removed: dict[str, int]
    outbox_events: int
    caches: list[str]
    checked: list[str]
    unchecked: list[str]
    left: dict[str, int]


def forget(owner: Owner, settings: Settings, person: Person, shop_id: int | None) -> Forgotten:
    """Remove a person's data from one shop or from all.

    Nothing is drained meanwhile: what lies in the outbox is either in the database before, or gone.
    """
    folder = settings.home / "outbox"
    store = Store(folder)
    with ExitStack() as stack:
        stack.callback(store.close)
        for lane in LANES:
            if not stack.enter_context(holding(folder, lane, wait_s=PATIENCE_S)):
                raise OutboxUnavailable(f"a worker has been draining the outbox for {PATIENCE_S:g} s; try again")
        shops = [shop_id] if shop_id is not None else erasure.shops(owner)
        topics = _waiting(store, person, shop_id)
        known = {one: erasure.conversations_of(owner, one, person.by, person.value) for one in shops}
        for of_shop, topic in topics:
            known.setdefault(of_shop, set()).add(UUID(topic))
        topics |= {(of_shop, str(one)) for of_shop, ids in known.items() for one in ids}
        events = store.forget(topics)
        removed: Counter[str] = Counter()
        for of_shop, ids in known.items():
            removed.update(erasure.forget(owner, of_shop, ids))
        caches = [name for name in CACHES if _empty(settings, name)]
        left = _left(owner, store, folder, person, known)
    return Forgotten(
        by=person.by,
        value=person.value,
        shops=sorted(known),
        removed={**removed},
        outbox_events=events,
        caches=caches,
        checked=["every table of every shop named", "the outbox", "the bytes of the outbox's files"],
        unchecked=UNCHECKED,
        left=left,
    )


def _waiting(store: Store, person: Person, shop_id: int | None) -> Topics:
    """What the outbox holds of a person; of a hand-off, or a contact, nothing that the database does not know."""
    if person.by == "user":
        return store.topics_of(person.value, shop_id)
    return store.topics_like(person.value.lower(), shop_id) if person.by == "conversation" else set()


def _left(owner: Owner, store: Store, folder: Path, person: Person, known: dict[int, set[UUID]]) -> dict[str, int]:
    left: Counter[str] = Counter()
    for shop_id, ids in known.items():
        left.update(erasure.mentions(owner, shop_id, person.by, person.value, ids))
        left["outbox"] += len(_waiting(store, person, shop_id))
    texts = [str(one).encode() for ids in known.values() for one in ids]
    for path in folder.glob("*.db*"):
        held = path.read_bytes()
        left[path.name] += sum(text in held for text in texts)
    return {name: count for name, count in left.items() if count}


def _empty(settings: Settings, name: str) -> bool:
    """Begin a cache anew: the file goes, with vectors of what the person asked."""
    root = settings.home / "cache" / name
    if not root.exists():
        return False
    size_bytes = settings.cache_size_mib * MIB // 2
    newest = open_newest(root, size_bytes)
    fresh = open_newest(root, size_bytes, but=newest.folder)
    for generation in (newest, fresh):
        generation.reader.close()
        generation.writer.close()
    return True
