"""Limits of a worker that the host holds itself: memory, a turning event loop, few child processes."""

import os
import time
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ops.host import family
from ops.host.manifest import Manifest
from ops.host.process import Worker

PROCESSES = 16
# Of an event loop that does not turn: a request that is given long to finish may wait that long, but not in the loop.
LOOP_PATIENCE_S = 10.0
# Of a worker that serves on because no other has come up for it yet.
HARD_FACTOR = 2
# Before a release has said what it needs.
IMPORT_MIB = 1024
# A worker that is being forked is a child before its pid is told.
STRAY_GRACE_S = 2.0


class Excess(NamedTuple):
    """A limit that a worker breaks. One that does not answer, or starts others, `is_wild`: it is killed at once."""

    step: str
    reason: str
    is_wild: bool


class Guard:
    """Looks at one function's workers once a second; remembers since when each one's loop has stood still."""

    def __init__(self) -> None:
        self._beats: WeakKeyDictionary[Worker, tuple[int, float]] = WeakKeyDictionary()

    def check(self, worker: Worker, manifest: Manifest) -> Excess | None:
        """What a worker that serves does too much."""
        if worker.has_ended:
            return None
        return self._loop(worker) or processes(worker) or memory(worker, manifest.memory_mib)

    def _loop(self, worker: Worker) -> Excess | None:
        now, beats = time.monotonic(), worker.reading().heartbeats
        known, since = self._beats.get(worker, (-1, now))
        if beats != known:
            self._beats[worker] = (beats, now)
            return None
        if (stood_s := now - since) <= LOOP_PATIENCE_S:
            return None
        return Excess("loop", f"stuck: its event loop has not turned for {stood_s:.0f} s", is_wild=True)


def check_starting(worker: Worker, manifest: Manifest | None) -> Excess | None:
    """What a worker does too much before it serves, when its loop need not turn yet."""
    if worker.has_ended:
        return None
    return processes(worker) or memory(worker, manifest.memory_mib if manifest else IMPORT_MIB)


def memory(worker: Worker, limit_mib: float) -> Excess | None:
    """Whether a worker and what it has started hold more than the limit."""
    if worker.is_within(limit_mib) or (used_mib := worker.memory_mib()) <= limit_mib:
        return None
    return Excess("memory", f"uses {used_mib:.0f} MiB, its limit is {limit_mib}", is_wild=False)


def processes(worker: Worker) -> Excess | None:
    """Whether a worker has started too many others; then all are ended, so that it starts no more."""
    found = family.descendants(worker.pid)
    if len(found) <= PROCESSES:
        return None
    family.end([worker.pid])
    return Excess("processes", f"it had started {len(found)} processes, {PROCESSES} are allowed", is_wild=True)


class Strays:
    """Children of the host that are none of its own: what a worker started and left behind."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def end(self, strays: set[int]) -> None:
        """Kill and collect those that have been there for a while."""
        now = time.monotonic()
        self._since = {pid: self._since.get(pid, now) for pid in strays}
        lingering = [pid for pid, since in self._since.items() if now - since >= STRAY_GRACE_S]
        family.end(lingering)
        for pid in lingering:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
