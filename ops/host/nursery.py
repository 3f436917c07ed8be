"""The host's side of the zygote: starts it, asks it for workers, replaces it when it dies."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence

import msgspec

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
            except (OSError, TimeoutError, ValueError):
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
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setblocking(False)
            self._zygote = subprocess.Popen(  # noqa: ASYNC220 - spawning takes a millisecond
                [sys.executable, "-m", "ops.host.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        self._control = ours
        await self._answer(ours, WARM_TIMEOUT_S)
        return ours

    async def _answer(self, control: socket.socket, timeout_s: float) -> bytes:
        async with asyncio.timeout(timeout_s):
            answer = await asyncio.get_running_loop().sock_recv(control, 64)
        if not answer:
            raise OSError("the zygote died")
        return answer
