"""Processes that serve: workers forked by this host, and those that an earlier host left serving."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.host import family, records
from ops.host.cgroup import Cgroup, Cgroups
from ops.host.gauges import Gauges, Reading

BUSY_POLL_S = 0.05
# What nginx connected to just before the flip may still wait in the old socket's backlog.
SETTLE_S = 0.25
TOLD_FOR_S = 10.0


class Serving:
    """A process that serves, and its gauges at `path`: safe to signal against reused pids."""

    def __init__(self, pid: int, path: Path, cgroup: Cgroup | None = None) -> None:
        self.pid = pid
        self.cgroup = cgroup
        self.started_at = time.monotonic()
        self.has_ended = False
        self._path = path
        self._gauges: Gauges | None = None
        self._last = Reading()
        self._memory = (float("-inf"), 0.0)
        self._ended = asyncio.Event()
        self._pidfd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._on_end)

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal unless the process has ended."""
        if not self.has_ended:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signum)

    async def ended(self) -> None:
        """Wait for the end."""
        await self._ended.wait()

    def reading(self) -> Reading:
        """What it has counted; after its end, what it had counted by then."""
        if self._gauges is None and not self.has_ended:
            with contextlib.suppress(OSError, ValueError):  # it makes them once it runs
                self._gauges = Gauges(self._path)
        if self._gauges is not None:
            self._last = self._gauges.read()
        return self._last

    def memory_mib(self) -> float:
        """Memory of the process and of what it has started, as of now; 0 after its end."""
        self._memory = (time.monotonic(), 0.0 if self.has_ended else family.memory_mib(self.pid))
        return self._memory[1]

    def told_memory_mib(self) -> float:
        """The same, as of a little while ago: it costs milliseconds, and whoever watches asks often."""
        measured_at, memory_mib = self._memory
        return self.memory_mib() if time.monotonic() - measured_at > TOLD_FOR_S or self.has_ended else memory_mib

    def is_within(self, limit_mib: float) -> bool:
        """Whether its memory is surely within a limit, seen without measuring it."""
        return self.has_ended or family.memory_at_most_mib(self.pid) <= limit_mib

    def let_go(self) -> None:
        """Watch it no longer."""
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)

    def _on_end(self) -> None:
        self.let_go()
        self.reading()
        self.has_ended = True
        if self._gauges is not None:
            self._gauges.close()
            self._gauges = None
        self._path.unlink(missing_ok=True)
        self._collect()
        if self.cgroup is not None:
            self.cgroup.end()
        self._ended.set()

    def _collect(self) -> None:
        """An earlier host's process is another's child: there is nothing to wait for."""


class Predecessor(Serving):
    """A worker that a host before this one forked."""

    def __init__(self, record: records.Record, cgroups: Cgroups | None = None) -> None:
        super().__init__(record.pid, record.path, cgroups.of(record.pid) if cgroups else None)
        self.generation = record.generation

    @classmethod
    def meet(cls, record: records.Record, cgroups: Cgroups | None = None) -> "Predecessor | None":
        """The process of a record; None when it has ended, whoever has its pid by now."""
        try:
            found = cls(record, cgroups)
        except ProcessLookupError:
            return None
        if records.runs(record.path, record.pid):  # the descriptor was opened before, so that it is of this process
            return found
        found.let_go()
        return None


class Worker(Serving):
    """A worker of this host; `exit_status` is negative when a signal ended it, None while it runs."""

    exit_status: int | None = None

    def told_end(self) -> str:
        """How it ended, in words."""
        status = self.exit_status or 0
        how = f"with exit status {status}" if status >= 0 else f"by {_signal_name(-status)}"
        return f"the worker ended {how}"

    def _collect(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        self.exit_status = os.waitstatus_to_exitcode(status)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


async def retire(
    processes: Sequence[Serving],
    drain_s: float,
    kill_after_s: float = 10.0,
    *,
    is_awaited: Callable[[], bool] = lambda: False,
) -> None:
    """Drain: answers close their connections; once nothing is in hand, or `drain_s` later, ask to end; then kill.

    `is_awaited` tells whether somebody waits to be accepted. Streams that are still open are ended in good order
    before their worker is asked to end.
    """
    for process in processes:
        process.signal(signal.SIGUSR1)
    if drain_s:
        deadline = time.monotonic() + drain_s
        await asyncio.sleep(min(SETTLE_S, drain_s))
        while time.monotonic() < deadline and (is_awaited() or _busy(processes)):
            await asyncio.sleep(BUSY_POLL_S)
    for signum in (signal.SIGUSR2, signal.SIGTERM):
        for process in processes:
            process.signal(signum)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(kill_after_s):
            for process in processes:
                await process.ended()
    for process in processes:
        process.signal(signal.SIGKILL)
    for process in processes:
        await process.ended()


def _busy(processes: Sequence[Serving]) -> bool:
    return any(process.reading().in_flight for process in processes if not process.has_ended)
