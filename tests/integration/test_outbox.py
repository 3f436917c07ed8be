"""The outbox: durable, bounded, drained by one process at a time, with retries and a list of the dead."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import DatabaseUnavailable, OutboxFull, OutboxUnavailable
from core.outbox import outbox as outboxes
from core.outbox.event import Event
from core.outbox.lock import holding
from core.outbox.outbox import Outbox, Undeliverable
from core.outbox.store import FILE, MIB, Store

ROOT = Path(__file__).parents[2]


def event(kind="note", topic="t", lane="database", **fields):
    return Event(kind=kind, lane=lane, shop_id=1, topic=topic, payload=b"{}", **fields)


def box(folder, apply, kind="note", lane="database", limit_mib=64):
    return Outbox(folder, limit_mib, {lane: {kind: apply}})


async def applied(_):
    """An applier that has nothing to do."""


def test_an_event_is_synced_to_the_disk_before_it_is_acknowledged(tmp_path):
    store = Store(tmp_path)
    store.put([event()])
    [(mode,), (synchronous,), (secure,)] = [
        store._open().execute(f"pragma {name}").fetchone() for name in ("journal_mode", "synchronous", "secure_delete")
    ]
    assert ("wal", 2, 1) == (mode, synchronous, secure)  # 2 is FULL
    assert 0o700 == tmp_path.stat().st_mode & 0o777


def test_events_are_due_in_their_order_and_at_their_time(tmp_path):
    store = Store(tmp_path)
    late, first, second = event(due_at=2e10), event(), event()
    store.put([late, first, second])
    assert [first.id, second.id] == [one.event.id for one in store.due("database", ["note"], 10)]
    assert [late, first, second] == [one.event for one in store.waiting("note")]


def test_the_same_id_is_kept_once_and_puts_are_all_or_nothing(tmp_path):
    store, one = Store(tmp_path), event()
    store.put([one, one])
    store.put([one])
    with pytest.raises(OutboxUnavailable):
        store.put([event(), event(kind=object())])
    assert [one] == [stored.event for stored in store.listed()]


def test_a_full_outbox_says_so_and_takes_more_when_there_is_room(tmp_path):
    store, payload = Store(tmp_path, limit_bytes=MIB), b"x" * 100_000
    events = [Event(kind="note", lane="database", shop_id=1, topic="t", payload=payload) for _ in range(20)]
    refused = None
    for one in events:
        try:
            store.put([one])
        except OutboxFull as error:
            refused = error
    kept = store.listed()
    assert refused.retry_after_s > 1
    assert 5 < len(kept) < 20
    for one in kept[:3]:
        store.done(one.event.id)
    store.put([event()])


def test_a_disk_that_takes_nothing_is_a_clear_error_and_used_again_when_it_does(tmp_path):
    blocked = tmp_path / "outbox"
    blocked.write_text("a file where the folder should be")
    store = Store(blocked)
    with pytest.raises(OutboxUnavailable):
        store.put([event()])
    blocked.unlink()
    store.put([event()])
    store.close()
    (blocked / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(OutboxUnavailable) as broken:
        store.put([event()])
    assert isinstance(broken.value.__cause__, sqlite3.DatabaseError)


async def test_what_is_applied_is_gone(tmp_path):
    seen = []

    async def apply(one):
        seen.append(one)

    outbox = box(tmp_path, apply)
    one = event(person="ada")
    await outbox.put(one)
    assert not await outbox.drain_once("database")
    assert ([one], []) == (seen, await outbox.pending("note"))
    await outbox.close()


async def test_a_kind_that_this_release_does_not_know_is_left_to_those_that_do(tmp_path):
    old = box(tmp_path, applied, kind="note")
    await old.put(event(kind="of tomorrow"), event())
    await old.drain_once("database")
    assert 1 == len(await old.pending("of tomorrow"))
    new = box(tmp_path, applied, kind="of tomorrow")
    await new.drain_once("database")
    assert [] == await old.pending("of tomorrow")
    await old.close()
    await new.close()


async def test_a_part_that_is_away_is_waited_for_without_end_and_without_asking_all(tmp_path):
    asked = []

    async def apply(one):
        asked.append(one.id)
        raise DatabaseUnavailable("away")

    outbox = box(tmp_path, apply)
    await outbox.put(*(event() for _ in range(10)))
    assert not await outbox.drain_once("database")
    assert outboxes.TRIES_A_ROUND == len(asked)
    stored = Store(tmp_path).listed()
    assert {(0, False)} == {(one.attempts, one.dead) for one in stored}
    assert "DatabaseUnavailable: away" == stored[0].error
    await outbox.close()


async def test_a_broken_event_does_not_stop_the_others_and_ends_among_the_dead(tmp_path):
    async def apply(one):
        if one.topic == "broken":
            raise ValueError("cannot be understood")

    outbox, store = box(tmp_path, apply), Store(tmp_path)
    await outbox.put(event(topic="broken"), event())
    for attempt in range(1, outboxes.MAX_ATTEMPTS + 1):
        await outbox.drain_once("database")
        (stored,) = store.listed()
        assert (attempt, attempt == outboxes.MAX_ATTEMPTS) == (stored.attempts, stored.dead)
        if not stored.dead:
            store.postpone(stored.event.id, 0, stored.error, counted=False)
    assert "ValueError: cannot be understood" == stored.error
    assert (0, 1) == store.counts()
    assert 1 == store.revive([stored.event.id])
    assert (1, 0) == store.counts()
    await outbox.close()


async def test_what_cannot_be_delivered_is_given_up_at_once_and_can_be_dropped(tmp_path):
    async def apply(_):
        raise Undeliverable("no such address")

    outbox, store = box(tmp_path, apply, lane="delivery"), Store(tmp_path)
    await outbox.put(event(lane="delivery"))
    await outbox.drain_once("delivery")
    assert [(True, "Undeliverable: no such address")] == [(one.dead, one.error) for one in store.listed(dead=True)]
    assert (1, []) == (store.drop(None), store.listed())
    await outbox.close()


async def test_one_process_drains_a_lane_at_a_time_and_the_other_lane_goes_on(tmp_path):
    outbox = Outbox(tmp_path, 64, {"database": {"note": applied}, "delivery": {"mail": applied}})
    await outbox.put(event(), event(kind="mail", lane="delivery"))
    with holding(tmp_path, "database") as mine:
        assert mine
        await outbox.drain_once("database")
        await outbox.drain_once("delivery")
        assert (1, 0) == (len(await outbox.pending("note")), len(await outbox.pending("mail")))
    await outbox.drain_once("database")
    assert [] == await outbox.pending("note")
    await outbox.close()


async def test_settle_waits_for_what_is_there_and_no_longer_than_it_is_told(tmp_path):
    released = asyncio.Event()

    async def apply(_):
        await released.wait()

    outbox = box(tmp_path, apply)
    outbox.start()
    assert await outbox.settle("note", 0)
    await outbox.put(event(topic="a"))
    assert not await outbox.settle("note", 0.05, topic="a")
    assert await outbox.settle("note", 0, topic="b")
    released.set()
    assert await outbox.settle("note", 10, topic="a")
    await outbox.close()


COUNTING = """
import asyncio, os, sys
from pathlib import Path
from core.outbox.event import Event
from core.outbox.outbox import Outbox

async def apply(event):
    with open(sys.argv[2], "a") as tally:
        tally.write(f"{event.id}\\n")

async def main():
    outbox = Outbox(Path(sys.argv[1]), 64, {"delivery": {"note": apply}})
    outbox.start()
    for _ in range(30):
        await outbox.put(Event(kind="note", lane="delivery", shop_id=1, topic="t", payload=b""))
    assert await outbox.settle("note", 30)
    await outbox.close()

asyncio.run(main())
"""


def test_processes_that_put_and_drain_at_once_do_each_event_once(tmp_path):
    tally = tmp_path / "tally"
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "outbox"), str(tally)]
    running = [subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) for _ in range(3)]
    assert [0, 0, 0] == [process.wait(60) for process in running]
    done = tally.read_text().split()
    assert (90, 90) == (len(done), len(set(done)))


async def test_what_is_forgotten_is_in_no_byte_of_the_files(tmp_path):
    store = Store(tmp_path)
    secret = b'{"message": "my number is 0171-SECRET"}'
    store.put([Event(kind="turn", lane="database", shop_id=1, topic="c1", person="ada-1815", payload=secret)])
    store.put([Event(kind="turn", lane="database", shop_id=1, topic="c2", person="bob", payload=b"other")])
    assert {(1, "c1")} == store.topics_of("ada-1815", None) == store.topics_of("ada-1815", 1)
    assert set() == store.topics_of("ada-1815", 2)
    assert 1 == store.forget([(1, "c1")])
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (False, False, True) == (b"0171-SECRET" in held, b"ada-1815" in held, b"bob" in held)
