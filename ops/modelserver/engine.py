"""Worker threads over the encoder: fair between requests, and nothing is computed for a caller who left."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ops.modelserver.encoder import Encoded, Encoder


class StoppingError(Exception):
    """The server is going down before all texts of the request were computed."""


class Engine:
    """Encodes the texts of many requests on `threads` threads."""

    def __init__(self, encoder: Encoder, threads: int) -> None:
        self._encoder = encoder
        self._threads = threads
        self._stopping = False
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encode")

    async def encode(self, texts: Sequence[str], *, truncate: bool) -> list[Encoded]:
        """The vectors in the order of the texts; raises InputTooLongError, StoppingError.

        A request hands over no more texts than there are threads, so one with a thousand texts lets a
        question through after the text in hand, and stops there when the caller's task is cancelled.
        """
        loop = asyncio.get_running_loop()
        waiting = iter(enumerate(texts))
        done: dict[int, Encoded] = {}

        def encode(text: str) -> Encoded:
            return self._encoder.encode(text, truncate=truncate)

        async def work() -> None:
            for position, text in waiting:
                if self._stopping:
                    raise StoppingError
                done[position] = await loop.run_in_executor(self._pool, encode, text)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._threads, len(texts))):
                    group.create_task(work())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [done[position] for position in range(len(texts))]

    def stop(self) -> None:
        """Finish the texts in hand only: a request with many more of them ends with StoppingError."""
        self._stopping = True

    def close(self) -> None:
        """Wait for the threads to end."""
        self._pool.shutdown(wait=True, cancel_futures=True)
