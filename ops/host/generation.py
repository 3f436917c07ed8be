"""A generation: one listening socket, the workers that serve it, and the steps that make it ready."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ops.host import smoke
from ops.host.nursery import Nursery
from ops.host.spec import Report, StepFailedError, WorkerSpec

BACKLOG = 1024
START_TIMEOUT_S = 30.0
SMOKE_TIMEOUT_S = 10.0


class Worker:
    """A forked worker; `exit_status` is None while it runs, negative when a signal ended it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.started_at = time.monotonic()
        loop = asyncio.get_running_loop()
        self.exit_status: int | None = None
        self._ended = asyncio.Event()
        self._pidfd = os.pidfd_open(pid)
        loop.add_reader(self._pidfd, self._reap)

    async def ended(self) -> int | None:
        """Wait for the end and return the exit status."""
        await self._ended.wait()
        return self.exit_status

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal unless the worker has ended; safe against reused pids."""
        if self.exit_status is None:
            signal.pidfd_send_signal(self._pidfd, signum)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        self.exit_status = os.waitstatus_to_exitcode(status)
        self._ended.set()


class Generation:
    """Owns `NAME.N.sock`. Workers may come and go; the socket stays, so a crash queues requests, not errors."""

    def __init__(self, name: str, number: int, run_dir: Path, socket_gid: int | None) -> None:
        self.name = name
        self.number = number
        self.manifest: dict[str, Any] | None = None
        self.workers: list[Worker] = []
        self.socket_path = run_dir / f"{name}.{number}.sock"
        self.socket_path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket_path))
        if socket_gid is not None:
            os.chown(self.socket_path, -1, socket_gid)
        self.socket_path.chmod(0o660)
        self.listener.listen(BACKLOG)

    async def start_worker(self, nursery: Nursery, root: Path, log_path: Path) -> Worker:
        """Fork one worker and wait until its lifespan is up; raises StepFailedError and leaves none behind."""
        read_fd, write_fd = os.pipe()
        spec = WorkerSpec(self.name, str(root), self.number, str(log_path), os.getpid())
        try:
            try:
                worker = Worker(await nursery.fork(spec, self.listener, write_fd))
            finally:
                os.close(write_fd)
            try:
                await self._until_started(read_fd)
            except BaseException:
                worker.signal(signal.SIGKILL)
                await worker.ended()
                raise
        except (OSError, TimeoutError) as error:
            raise StepFailedError(self.name, "fork", repr(error)) from error
        finally:
            os.close(read_fd)
        self.workers.append(worker)
        return worker

    async def smoke(self) -> None:
        """Make the function's own smoke requests through the generation's socket."""
        assert self.manifest is not None
        await asyncio.to_thread(smoke.check, self.manifest, str(self.socket_path), SMOKE_TIMEOUT_S)

    def flip(self, run_dir: Path) -> None:
        """Let `NAME.sock`, the name that nginx opens for each connection, mean this generation: atomic."""
        fresh = run_dir / f".{self.name}.flip"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.socket_path.name)
        fresh.replace(run_dir / f"{self.name}.sock")

    async def stop(self, drain_s: float, kill_after_s: float) -> None:
        """Drain for `drain_s`, then ask the workers to end, then kill what has not ended `kill_after_s` later."""
        self._signal_all(signal.SIGUSR1)
        if drain_s:
            await asyncio.sleep(drain_s)
        self.listener.close()
        self.socket_path.unlink(missing_ok=True)
        self._signal_all(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(kill_after_s):
                await self._all_ended()
        self._signal_all(signal.SIGKILL)
        await self._all_ended()

    async def _all_ended(self) -> None:
        for worker in self.workers:
            await worker.ended()

    def _signal_all(self, signum: signal.Signals) -> None:
        for worker in self.workers:
            worker.signal(signum)

    async def _until_started(self, report_fd: int) -> None:
        step = "import"
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                async for report in _reports(report_fd):
                    if report.failed is not None:
                        raise StepFailedError(self.name, report.step, report.failed)
                    if report.step == "lifespan":
                        return
                    step = "lifespan"
                    self.manifest = report.manifest
        except TimeoutError as error:
            raise StepFailedError(self.name, step, f"not done after {START_TIMEOUT_S:.0f} s") from error
        raise StepFailedError(self.name, step, "the process ended without a word")


async def _reports(report_fd: int) -> Any:
    """Yield each Report on the pipe until it closes."""
    reader = asyncio.StreamReader()
    make: Callable[[], asyncio.StreamReaderProtocol] = lambda: asyncio.StreamReaderProtocol(reader)  # noqa: E731
    pipe = os.fdopen(os.dup(report_fd), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(make, pipe)
    try:
        while line := await reader.readline():
            yield msgspec.json.decode(line, type=Report)
    finally:
        transport.close()
