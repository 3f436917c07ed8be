"""The reader's process: started when a file is to be read, and again after one that it did not survive."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import msgspec

from ops.reading.cage import CPU_S, MEMORY_BYTES
from ops.reading.wire import LENGTH, MESSAGE_BYTES, Ended, Message, Refused, Task, pack, unpack

ROOT = Path(__file__).resolve().parents[2]
SILENCE_S = 90.0  # that a parser may take for one document; the kernel gives it 60 s of processor time
END_S = 5.0
LIMIT_BYTES = 1 << 20


class Reader:
    """Reads one file after the other. What a file does to its reader is a refusal of that file."""

    def __init__(self, silence_s: float = SILENCE_S) -> None:
        self._silence_s = silence_s
        self._process: asyncio.subprocess.Process | None = None

    async def read(self, task: Task) -> AsyncGenerator[Message, None]:
        """All that the reader says of a file, up to and without its `Ended`."""
        process = self._process or await self._start()
        ended: Message | None = None
        try:
            assert process.stdin is not None
            process.stdin.write(pack(task))
            while not isinstance(ended := await self._next(process), Ended):
                yield ended
        except TimeoutError:
            yield Refused(f"took longer than {self._silence_s:.0f} s to read")
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            yield Refused(await _cause(process))
        finally:
            if not isinstance(ended, Ended) or ended.spent:
                await self.close()

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ops.reading",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            limit=LIMIT_BYTES,
            # No settings: the reader has no use for where the database is, nor for its password.
            env={name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "TZ"}},
        )
        return self._process

    async def _next(self, process: asyncio.subprocess.Process) -> Message:
        assert process.stdout is not None
        async with asyncio.timeout(self._silence_s):
            (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
            if length > MESSAGE_BYTES:
                raise msgspec.DecodeError("a message of a broken reader")
            return unpack(await process.stdout.readexactly(length))


async def _cause(process: asyncio.subprocess.Process) -> str:
    """What ended a process that speaks no longer; not killed at first, which would hide it."""
    try:
        async with asyncio.timeout(END_S):
            status = await process.wait()
    except TimeoutError:
        return "its reader speaks no longer"
    if status == -signal.SIGXCPU:
        return f"needs more than the {CPU_S} s of processor time that a reader may use"
    if status == -signal.SIGABRT:  # what PDFium does when it gets no memory
        return f"its reader gave up, as it does for a file that needs more than {MEMORY_BYTES >> 20} MiB of memory"
    return f"its reader was ended by {signal.Signals(-status).name if status < 0 else f'exit status {status}'}"
