"""What `core.db.pool` relies on inside psycopg_pool, which promises none of it."""

import asyncio
import inspect
from collections import deque

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from psycopg_pool.pool_async import WaitingClient


async def test_a_pool_has_the_lock_the_count_and_the_queue_that_ours_reads():
    pool = AsyncConnectionPool("host=/nowhere", min_size=1, max_size=1, reconnect_timeout=0, open=False)
    try:
        await pool.open(wait=False)
        async with pool._lock:
            assert isinstance(pool._nconns, int)
            assert isinstance(pool._waiting, deque)
    finally:
        await pool.close()


async def test_whoever_waits_can_be_told_that_it_is_in_vain():
    client = WaitingClient()
    waiting = asyncio.create_task(client.wait(60))
    await asyncio.sleep(0)  # it begins
    assert await client.fail(psycopg.OperationalError("in vain"))
    with pytest.raises(psycopg.OperationalError, match="in vain"):
        await waiting


async def test_an_attempt_given_up_is_reported_when_the_connection_is_no_longer_counted():
    counted = []

    class Reporting(AsyncConnectionPool):
        async def reconnect_failed(self):
            counted.append(self._nconns)
            reported.set()

    reported = asyncio.Event()
    pool = Reporting("host=/nowhere", min_size=1, max_size=1, reconnect_timeout=0, open=False)
    try:
        await pool.open(wait=False)
        async with asyncio.timeout(30):
            await reported.wait()
    finally:
        await pool.close()
    assert counted == [0]


def test_the_arguments_that_ours_passes_are_there():
    parameters = inspect.signature(AsyncConnectionPool).parameters
    assert {"connection_class", "kwargs", "min_size", "max_size", "timeout", "reconnect_timeout", "configure"} <= set(
        parameters
    )
