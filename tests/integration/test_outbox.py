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
from core.outbox import places
from core.outbox.event import Event
from core.outbox.lock import holding
from core.outbox.outbox import Outbox, Undeliverable
from core.outbox.store import FILE, MIB, Store
from tests.parts.faulty_models import until

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


class Receivers:
    """Appliers of deliveries that end when they are told to, and what they have in hand and have done."""

    def __init__(self) -> None:
        self.in_hand: list[Event] = []
        self.done: list[Event] = []
        self.holds = asyncio.Event()

    async def quick(self, one):
        self.done.append(one)

    async def slow(self, one):
        self.in_hand.append(one)
        await self.holds.wait()
        self.done.append(one)

    async def by_shop(self, one):
        await (self.slow(one) if one.shop_id == 1 else self.quick(one))


def delivery(shop_id, kind="hook"):
    return Event(kind=kind, lane="delivery", shop_id=shop_id, topic="t", payload=b"{}")


async def test_a_slow_receiver_holds_up_no_other_and_takes_few_places(tmp_path):
    receivers = Receivers()
    outbox = box(tmp_path, receivers.by_shop, kind="hook", lane="delivery")
    await outbox.put(*(delivery(1) for _ in range(20)), *(delivery(2) for _ in range(20)))
    outbox.start()
    await until(lambda: len(receivers.done) == 20)
    await outbox.put(delivery(3))
    await until(lambda: len(receivers.done) == 21)
    assert {2, 3} == {one.shop_id for one in receivers.done}
    assert places.AT_ONCE_A_SHOP == len(receivers.in_hand)
    receivers.holds.set()
    assert await outbox.settle("hook", 30)
    await outbox.close()


async def test_a_mail_server_that_hangs_holds_up_no_webhook(tmp_path):
    receivers = Receivers()
    outbox = Outbox(tmp_path, 64, {"delivery": {"mail": receivers.slow, "hook": receivers.quick}})
    await outbox.put(*(delivery(shop, "mail") for shop in range(1, 60)), *(delivery(shop) for shop in range(1, 60)))
    outbox.start()
    await until(lambda: len(receivers.done) == 59)
    assert places.AT_ONCE == len(receivers.in_hand)
    receivers.holds.set()
    await outbox.close()


@pytest.mark.parametrize("lane", ["database", "delivery"])
async def test_an_outbox_closes_after_the_event_in_hand_and_begins_no_other(tmp_path, lane):
    receivers = Receivers()
    outbox = box(tmp_path, receivers.slow, lane=lane)
    await outbox.put(*(event(lane=lane) for _ in range(9)))
    outbox.start()
    await until(lambda: receivers.in_hand)
    closing = asyncio.create_task(outbox.close())
    await asyncio.sleep(0)
    receivers.holds.set()
    await closing
    assert [one.id for one in receivers.in_hand] == [one.id for one in receivers.done]
    left = {one.event.id for one in Store(tmp_path).listed()}
    assert 9 - len(receivers.done) == len(left)
    assert not left & {one.id for one in receivers.done}


@pytest.mark.parametrize("lane", ["database", "delivery"])
async def test_what_takes_too_long_is_broken_off_at_the_close_and_left_for_the_next_process(
    tmp_path, lane, monkeypatch
):
    monkeypatch.setattr(outboxes, "CLOSE_S", 0.05)
    receivers, before = Receivers(), asyncio.all_tasks()
    outbox = box(tmp_path, receivers.slow, lane=lane)
    await outbox.put(event(lane=lane))
    outbox.start()
    await until(lambda: receivers.in_hand)
    await outbox.close()
    assert ([], 1) == (receivers.done, len(Store(tmp_path).listed()))
    assert before == asyncio.all_tasks()


async def test_an_outbox_that_cannot_be_written_breaks_off_no_delivery(tmp_path, monkeypatch):
    """What was delivered meanwhile is marked where the file takes it, and delivered again where it does not."""
    receivers = Receivers()
    outbox = Outbox(tmp_path, 64, {"delivery": {"mail": receivers.slow, "hook": receivers.quick}})
    await outbox.put(delivery(1, "mail"), delivery(1))
    done = Store.done

    # A full disk refuses all writes; that of one event alone cannot be had from outside.
    def refuse_once(*_):
        monkeypatch.setattr(Store, "done", done)
        receivers.holds.set()
        raise OutboxUnavailable("full")

    monkeypatch.setattr(Store, "done", refuse_once)
    with pytest.raises(OutboxUnavailable):
        await outbox.drain_once("delivery")
    assert ["hook", "mail"] == [one.kind for one in receivers.done]
    assert ["hook"] == [one.event.kind for one in Store(tmp_path).listed()]
    await outbox.close()


async def steps_of_settling(folder, count):
    """How many steps SQLite takes to see whether a shop's events were applied, `count` of which wait."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    outbox = box(folder, applied)
    await outbox.put(*(event() for _ in range(count)), *(event(kind="other") for _ in range(count)))
    outbox._store._open().set_progress_handler(step, 1)
    assert not await outbox.settle("note", 0, shop_id=1)
    await outbox.close()
    return steps


async def test_to_look_whether_a_shop_has_settled_takes_no_longer_the_more_there_is(tmp_path):
    few, many = [await steps_of_settling(tmp_path / str(count), count) for count in (10, 2000)]
    assert 0 < many < 2 * few


async def test_settling_asks_for_what_was_there_and_not_for_what_comes_after(tmp_path):
    outbox = Outbox(tmp_path, 64, {"database": {"note": applied}})
    await outbox.put(event())
    waiting = asyncio.create_task(outbox.settle("note", 30, shop_id=1))
    await asyncio.sleep(0)  # it looks first: one thread does both
    [first] = await outbox.pending("note")
    await outbox.put(event(topic="later"))
    Store(tmp_path).done(first.id)
    assert await waiting
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
