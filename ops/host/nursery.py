"""The host's side of the zygote: starts it, asks it for workers, replaces it when it dies."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import msgspec

from ops.host import log
from ops.host.background import Background, Backoff
from ops.host.spec import WorkerSpec

WARM_TIMEOUT_S = 60.0
FORK_TIMEOUT_S = 20.0


class Nursery:
    """Forks workers, one at a time, from a warmed zygote process."""

    def __init__(self) -> None:
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._turn = asyncio.Lock()
        self._forked: set[int] = set()
        self._background = Background(log.write)
        self._backoff = Backoff()

    @property
    def pid(self) -> int | None:
        """The zygote's process id, None before the first fork."""
        return self._zygote.pid if self._zygote else None

    async def fork(self, spec: WorkerSpec, inherited: Sequence[int]) -> int:
        """Return the pid of a new worker with these descriptors (ops.host.worker.Descriptors); a child of this process.

        Raises OSError or TimeoutError when the zygote cannot be started or does not answer.
        """
        async with self._turn:
            try:
                control = await self._warmed()
                socket.send_fds(control, [msgspec.json.encode(spec)], list(inherited))
                pid = int(await self._answer(control, FORK_TIMEOUT_S))
            except BaseException:  # a cancelled one as well: its answer must not be taken for the next one's
                self.close()
                raise
            self._forked.add(pid)
            return pid

    def own(self, living: set[int]) -> set[int]:
        """Which of this process's children are the zygote and workers; the others are nobody's."""
        self._forked &= living
        return self._forked | ({self._zygote.pid} if self._zygote else set())

    def close(self) -> None:
        """End the zygote; workers that it forked are not touched."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()
            self._zygote = None

    async def _warmed(self) -> socket.socket:
        if self._control is not None and self._zygote is not None and self._zygote.poll() is None:
            return self._control
        self.close()
        started_at = time.monotonic()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setblocking(False)
            self._zygote = subprocess.Popen(  # noqa: ASYNC220 - spawning takes a millisecond
                [sys.executable, "-m", "ops.host.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        self._control = ours
        self._replace_when_dead(self._zygote, started_at)
        await self._answer(ours, WARM_TIMEOUT_S)
        return ours

    def _replace_when_dead(self, zygote: subprocess.Popen[bytes], started_at: float) -> None:
        """Warm another one at once, since a worker that ends then waits for a fork only, not for the libraries."""
        loop, pidfd = asyncio.get_running_loop(), os.pidfd_open(zygote.pid)

        def on_end() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            if zygote is self._zygote:  # otherwise it was ended here
                log.write(f"the zygote ended ({zygote.poll()}), starting another")
                self._backoff.lived(started_at)
                self._background.start(self._warm_another())

        loop.add_reader(pidfd, on_end)

    async def _warm_another(self) -> None:
        while True:
            await self._backoff.wait()
            async with self._turn:
                try:
                    await self._warmed()
                except (OSError, TimeoutError) as error:
                    self.close()
                    log.write(f"no zygote comes up: {error!r}")
                else:
                    return

    async def _answer(self, control: socket.socket, timeout_s: float) -> bytes:
        async with asyncio.timeout(timeout_s):
            answer = await asyncio.get_running_loop().sock_recv(control, 64)
        if not answer:
            raise OSError("the zygote died")
        return answer
