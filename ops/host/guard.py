"""Limits of a worker that the host holds itself: memory, a turning event loop, few child processes."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from ops.host.manifest import Manifest
from ops.host.process import Worker

PROCESSES = 16
# Of an event loop that does not turn: a request that is given long to finish may wait that long, but not in the loop.
LOOP_PATIENCE_S = 10.0
# A worker that is being forked is a child before its pid is told.
STRAY_GRACE_S = 2.0


class Guard:
    """Looks at one function's workers once a second; remembers since when each one's loop has stood still."""

    def __init__(self) -> None:
        self._beats: dict[int, tuple[int, float]] = {}

    def check(self, worker: Worker, manifest: Manifest) -> str | None:
        """The limit that the worker breaks, in words; `stuck` is in them when it must be killed at once."""
        if worker.has_ended:
            self._beats.pop(worker.pid, None)
            return None
        return self._loop(worker) or self._processes(worker) or self._memory(worker, manifest)

    def _memory(self, worker: Worker, manifest: Manifest) -> str | None:
        limit_mib = manifest.memory_mib
        used_mib = worker.memory_mib()
        return f"uses {used_mib:.0f} MiB, its limit is {limit_mib}" if used_mib > limit_mib else None

    def _loop(self, worker: Worker) -> str | None:
        now, beats = time.monotonic(), worker.reading().heartbeats
        known, since = self._beats.get(worker.pid, (-1, now))
        if beats != known:
            self._beats[worker.pid] = (beats, now)
            return None
        stood_s = now - since
        return f"stuck: its event loop has not turned for {stood_s:.0f} s" if stood_s > LOOP_PATIENCE_S else None

    def _processes(self, worker: Worker) -> str | None:
        found = descendants(worker.pid)
        if len(found) <= PROCESSES:
            return None
        # The worker too, so that it starts no more until it is killed.
        end([worker.pid, *found])
        return f"stuck: it had started {len(found)} processes, {PROCESSES} are allowed"


class Strays:
    """Children of the host that are none of its own: what a worker started and left behind."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def end(self, strays: set[int]) -> None:
        """Kill and collect those that have been there for a while."""
        now = time.monotonic()
        self._since = {pid: self._since.get(pid, now) for pid in strays}
        lingering = [pid for pid, since in self._since.items() if now - since >= STRAY_GRACE_S]
        for pid in lingering:
            end([pid, *descendants(pid)])
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def children(pid: int) -> set[int]:
    """Processes that this one is the parent of (proc(5), /proc/PID/task/TID/children); empty for one that is gone."""
    found: set[int] = set()
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found.update(map(int, (task / "children").read_text().split()))
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    found: list[int] = []
    level = children(pid)
    while level:
        found += level
        level = {below for one in level for below in children(one)} - {*found}
    return found


def end(pids: list[int]) -> None:
    """Freeze all before killing any, so that none starts another meanwhile."""
    for signum in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signum)
