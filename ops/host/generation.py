"""A generation: one release behind one listening socket, its workers, and the steps that make it ready."""

import asyncio
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ops.host import manifest, records, smoke
from ops.host.cgroup import Cgroup
from ops.host.gauges import Reading
from ops.host.manifest import Manifest, Smoke
from ops.host.nursery import Nursery
from ops.host.output import GateOutput, open_log
from ops.host.places import Places
from ops.host.process import Worker, retire
from ops.host.reports import reports
from ops.host.spec import StepFailedError, WorkerSpec

BACKLOG = 1024
START_TIMEOUT_S = 30.0
END_S = 0.5
# What `Generation.state` says where there is none.
NO_STATE: dict[str, Any] = {
    "release": None,
    "generation": None,
    "workers": [],
    "workersWanted": None,
    "memoryMiB": 0.0,
    "inFlight": 0,
    "manifest": None,
}


class Generation:
    """Owns `NAME.N.sock`. Workers may come and go; the socket stays, so a crash queues requests, not errors."""

    def __init__(self, name: str, number: int, release: str, root: Path, places: Places) -> None:
        self.name = name
        self.number = number
        self.release = release
        self._declared: dict[str, Any] | None = None
        self.known_manifest: Manifest | None = None
        self.starting: list[Worker] = []
        self.workers: list[Worker] = []
        self.leaving: list[Worker] = []  # past a limit, and serving until another takes their place
        self.wanted = 1
        self._past = Reading()
        self._is_retired = False
        self._gate: GateOutput | None = None
        self._is_through = False  # its workers write to the log
        self._said: list[str] = []
        self._refusals: dict[Worker, StepFailedError] = {}
        self._forks = 0
        self._root = root
        self._places = places
        self.socket_path = places.run_dir / f"{name}.{number}.sock"
        self.socket_path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket_path))
        if places.socket_gid is not None:
            os.chown(self.socket_path, -1, places.socket_gid)
        self.socket_path.chmod(0o660)
        self._listener.listen(BACKLOG)

    @property
    def manifest(self) -> Manifest:
        """What the release declares: known once its first worker has started."""
        assert self.known_manifest is not None
        return self.known_manifest

    async def start_worker(self, nursery: Nursery) -> Worker:
        """Fork one worker and wait until its lifespan is up; raises StepFailedError and leaves none behind."""
        read_fd, write_fd = os.pipe()
        try:
            worker = await self._forked(nursery, write_fd)
            self.starting.append(worker)
            try:
                await self._until_started(read_fd, worker)
                worker.reading()  # now: the gauges of one that has ended cannot be opened any more
                self._require_place()
                self.workers.append(worker)
            except BaseException:
                worker.signal(signal.SIGKILL)
                await worker.ended()
                raise
            finally:
                self.starting.remove(worker)
        finally:
            os.close(read_fd)
        return worker

    def said(self) -> list[str]:
        """What its workers wrote at the gate."""
        return self._gate.said() if self._gate else self._said

    def leave_gate(self) -> None:
        """Have its workers write to the function's log from now on, where what they wrote before is put."""
        self._is_through = True
        for worker in self.workers:
            worker.signal(signal.SIGHUP)
        if self._gate is not None:
            self._gate.pour()

    def close_gate(self) -> None:
        """Nobody writes as one at the gate any more."""
        if self._gate is not None:
            self._said = self._gate.said()
            self._gate.close()
            self._gate = None

    def refuse(self, worker: Worker, step: str, reason: str) -> None:
        """End a worker that starts; whoever waits for it is told why."""
        self._refusals[worker] = StepFailedError(self.name, step, f"a worker {reason}")
        worker.signal(signal.SIGKILL)

    async def start_workers(self, nursery: Nursery, wanted: int | None) -> None:
        """Start `wanted` workers behind the socket, without a number as many as the manifest declares.

        The first one tells; the others come up side by side. Raises StepFailedError.
        """
        self._gate = GateOutput(self._places.log(self.name))
        await self.start_worker(nursery)
        self.wanted = wanted or self.manifest.workers
        others = (self.start_worker(nursery) for _ in range(self.wanted - 1))
        for outcome in await asyncio.gather(*others, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def smoke(self, timeout_s: float, *, proven: bool) -> None:
        """Make the function's own smoke requests through the socket, each answered within `timeout_s`."""
        for request in self.manifest.smoke:
            await self._smoke(request, timeout_s, proven=proven)

    async def _smoke(self, request: Smoke, timeout_s: float, *, proven: bool) -> None:
        check = asyncio.to_thread(smoke.check, self.name, request, str(self.socket_path), timeout_s, proven=proven)
        try:
            async with asyncio.timeout(timeout_s):  # the thread ends with the worker, which is ended then
                await check
        except TimeoutError as error:
            reason = f"{request.method} {request.path}: not answered to its end within {timeout_s:g} s"
            raise StepFailedError(self.name, "smoke", reason) from error
        except StepFailedError as error:
            has_broken_off = error.__cause__ is not None
            if not has_broken_off or (end := await self._told_end()) is None:
                raise
            raise StepFailedError(self.name, "smoke", f"{error.reason}; {end}") from error

    async def _told_end(self) -> str | None:
        """How a worker ended, if one does within a moment: its end is heard of after that of its connection."""
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                ends = [asyncio.ensure_future(worker.ended()) for worker in self.workers]
                try:
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for end in ends:
                        end.cancel()
        return next((worker.told_end() for worker in self.workers if worker.has_ended), None)

    def prepare_flip(self) -> Path:
        """Make the symlink that `flip` renames: what can fail, fails here."""
        fresh = self._places.run_dir / f".{self.name}.flip"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.socket_path.name)
        return fresh

    def flip(self, fresh: Path) -> None:
        """Let `NAME.sock`, the name that nginx opens for each connection, mean this generation: atomic."""
        fresh.replace(self._places.run_dir / f"{self.name}.sock")

    def dismiss(self, worker: Worker) -> None:
        """A worker is to end, and serves until it does."""
        self.workers.remove(worker)
        self.leaving.append(worker)

    def lost(self, worker: Worker) -> None:
        """Take a worker that ended out of the lists; what it counted stays in the total."""
        (self.workers if worker in self.workers else self.leaving).remove(worker)
        self._past += worker.reading()

    def reading(self) -> Reading:
        """Totals over all workers that this generation ever had."""
        return sum((worker.reading() for worker in (*self.workers, *self.leaving)), self._past)

    def state(self) -> dict[str, Any]:
        """Facts for `edge list` and `edge status`."""
        workers = [worker for worker in (*self.workers, *self.leaving) if not worker.has_ended]
        return {
            "release": self.release,
            "generation": self.number,
            "workers": [worker.pid for worker in workers],
            "workersWanted": self.wanted,
            "memoryMiB": round(sum(worker.told_memory_mib() for worker in workers), 1),
            "inFlight": sum(worker.reading().in_flight for worker in workers),
            "manifest": self._declared,
        }

    async def retire(self, drain_s: float, kill_after_s: float = 10.0) -> None:
        """Let the workers finish and end them; the socket goes once nothing can be waiting in it."""
        self._is_retired = True
        await retire([*self.workers, *self.leaving], drain_s, kill_after_s, is_awaited=self._is_awaited)
        self.close_gate()
        self._listener.close()
        self.socket_path.unlink(missing_ok=True)

    def _is_awaited(self) -> bool:
        """Whether a connection waits in the backlog."""
        ready = select.poll()
        ready.register(self._listener, select.POLLIN)
        return bool(ready.poll(0))

    def _require_place(self) -> None:
        if self._is_retired:
            raise StepFailedError(self.name, "start", "another release took its place meanwhile")

    async def _forked(self, nursery: Nursery, report_fd: int) -> Worker:
        places, cgroup = self._places, self._new_cgroup()
        spec = WorkerSpec(
            name=self.name,
            root=str(self._root),
            generation=self.number,
            log_path=str(self._places.log(self.name)),
            records=str(places.records),
            host_pid=os.getpid(),
            has_lifeline=places.lifeline_fd is not None,
            cgroup=cgroup.entrance if cgroup else None,
        )
        lifeline = () if places.lifeline_fd is None else (places.lifeline_fd,)
        try:
            with self._output() as output:
                pid = await nursery.fork(spec, (self._listener.fileno(), report_fd, output, *lifeline))
            return Worker(pid, records.path_of(places.records, self.name, self.number, pid), cgroup)
        except BaseException as error:
            if cgroup is not None:
                cgroup.end()
            if isinstance(error, (OSError, TimeoutError, ValueError)):
                raise StepFailedError(self.name, "fork", repr(error)) from error
            raise
        finally:
            os.close(report_fd)

    @contextmanager
    def _output(self) -> Iterator[int]:
        """What a new worker writes to."""
        if self._gate is not None and not self._is_through:
            yield self._gate.descriptor
            return
        log = open_log(self._places.log(self.name))
        try:
            yield log
        finally:
            os.close(log)

    def _new_cgroup(self) -> Cgroup | None:
        self._forks += 1
        if self._places.cgroups is not None:
            with suppress(OSError):  # the host's own limits hold without
                return self._places.cgroups.make(f"{self.name}.{self.number}.{self._forks}")
        return None

    def _limit(self, worker: Worker) -> None:
        """Have the kernel hold it, from the moment on that it is known."""
        if worker.cgroup is not None and self.known_manifest is not None:
            with suppress(OSError):
                worker.cgroup.limit(self.known_manifest.memory_mib)

    async def _until_started(self, report_fd: int, worker: Worker) -> None:
        step = "import"
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                async for report in reports(report_fd):
                    if report.failed is not None:
                        raise StepFailedError(self.name, report.step, report.failed)
                    if report.step == "lifespan":
                        return
                    step = "lifespan"
                    self._declared, self.known_manifest = report.manifest, manifest.read(report.manifest)
                    self._limit(worker)
        except TimeoutError as error:
            raise StepFailedError(self.name, step, f"not done after {START_TIMEOUT_S:.0f} s") from error
        except ValueError as error:  # a line past the reader's limit, or not a manifest
            raise StepFailedError(self.name, step, f"what it reports cannot be read: {error}") from error
        worker.signal(signal.SIGKILL)  # it may have closed the pipe and go on
        await worker.ended()
        if (refusal := self._refusals.pop(worker, None)) is not None:
            raise refusal
        raise StepFailedError(self.name, step, f"without a word {worker.told_end()}")
