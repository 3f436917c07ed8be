"""The host that serves, while another one may take over: whatever becomes of that one, it can be changed again."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ops.host import succession
from ops.host.succession import Yielding


class Held:
    """A function as far as it is held still."""

    name, active = "one", None

    def __init__(self) -> None:
        self.changing = asyncio.Lock()


@contextmanager
def other_host() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "60"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a lock tells nobody that it is free
            await asyncio.sleep(0.01)


def fails() -> None:
    raise ProcessLookupError


@pytest.mark.filterwarnings("ignore")
async def test_it_can_be_changed_again_after_the_other_has_ended_whatever_fails_then():
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    function, yielding = Held(), Yielding(fails)
    with other_host() as other:
        assert (await yielding.begin(other.pid, [function]))["ok"]
        assert function.changing.locked()
    await true(lambda: not function.changing.locked())
    assert None is yielding.to


async def test_an_other_that_ends_while_a_deploy_is_waited_for_holds_nothing():
    first, second, yielding = Held(), Held(), Yielding(lambda: None)
    await second.changing.acquire()
    with other_host() as other:
        beginning = asyncio.create_task(yielding.begin(other.pid, [first, second]))
        await true(first.changing.locked)
    await true(lambda: yielding.to is None)
    assert not first.changing.locked()
    second.changing.release()
    await beginning
    assert not second.changing.locked()


async def test_a_deploy_that_does_not_end_keeps_no_function_held(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(succession, "HOLD_S", 0.1)
    first, second, yielding = Held(), Held(), Yielding(lambda: None)
    await second.changing.acquire()
    with other_host() as other:
        answer = await yielding.begin(other.pid, [first, second])
        assert (False, "not done after" in answer["reason"]) == (answer["ok"], True)
        assert not first.changing.locked()
        second.changing.release()
        assert (await yielding.begin(other.pid, [first, second]))["ok"]
