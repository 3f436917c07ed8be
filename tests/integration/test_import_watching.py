"""When a watched folder is imported again: after files were saved, be there one that is written all the time."""

import asyncio
from contextlib import asynccontextmanager

from ops.importing.watching import Watched


@asynccontextmanager
async def growing(path):
    """A file that a task appends to, more often than anyone looks."""

    async def append():
        while True:
            with path.open("a") as file:
                file.write("more\n")
            await asyncio.sleep(0.002)

    task = asyncio.create_task(append())
    try:
        yield
    finally:
        task.cancel()


async def test_a_file_that_grows_all_the_time_keeps_no_other_waiting(tmp_path):
    watched = Watched([tmp_path], poll_s=0.02, settle_s=0.2)
    async with growing(tmp_path / "log.md"):
        await asyncio.wait_for(watched.change(), 20)
        await asyncio.wait_for(watched.change(), 20)


async def test_what_was_written_while_it_was_waited_for_is_told_again(tmp_path):
    watched = Watched([tmp_path], poll_s=0.02, settle_s=0.2)
    async with growing(tmp_path / "log.md"):
        await asyncio.wait_for(watched.change(), 20)
    (tmp_path / "log.md").write_text("the last of it")
    await asyncio.wait_for(watched.change(), 20)


async def test_a_file_that_is_written_in_pieces_is_waited_for(tmp_path):
    watched = Watched([tmp_path], poll_s=0.02, settle_s=60)
    async with growing(tmp_path / "log.md"):
        change = asyncio.create_task(watched.change())
        done, _ = await asyncio.wait([change], timeout=0.5)
        assert not done
    await asyncio.wait_for(change, 20)
