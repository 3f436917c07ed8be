"""What a worker that starts tells the host, on a pipe."""

import asyncio
import os
from collections.abc import AsyncIterator

import msgspec

from ops.host.spec import Report

LINE_BYTES = 1 << 20  # a manifest holds the bodies of its smoke requests


async def reports(report_fd: int) -> AsyncIterator[Report]:
    """Yield each report until the pipe closes; raises ValueError for a line that is none."""
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    pipe = os.fdopen(os.dup(report_fd), "rb", buffering=0)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        while line := await reader.readline():
            yield msgspec.json.decode(line, type=Report)
    finally:
        transport.close()
