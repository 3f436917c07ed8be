"""Nothing acknowledged is lost: parts are killed by turns under load, then what there is is held to what was said.

Each part once; `make drill-faults` goes on for minutes.
"""

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.parts.soak import Shop, under_load
from tests.parts.stack import RunningStack, running_stack

SECONDS = float(os.environ.get("SOAK_S", "0"))
RECOVERY_S = 45.0  # on a machine that others use as well; a quiet one takes one or two
LOOK_S = 0.05
# Each of them once, however short the run.
KILLED = ["postgres", "model", "functions/learn", "functions/search", "nginx", "host"]


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with running_stack(EDGE_ENVIRONMENT="production", EDGE_RATE_LIMIT_EXEMPT="127.0.0.0/8") as running:
        yield running


def kill(stack: RunningStack, part: str) -> None:
    """A part that another fault has taken down and that is not back yet has no process: it is waited for."""
    deadline = time.monotonic() + RECOVERY_S
    while not (pids := [row["pid"] for row in stack.state()["parts"] if row["name"] == part and row["pid"]]):
        assert time.monotonic() < deadline, f"{part} does not come back"
        time.sleep(LOOK_S)
    with suppress(ProcessLookupError):
        os.kill(pids[0], signal.SIGKILL)


def spoil_cache(stack: RunningStack) -> None:
    """The cache's files are cut in half under the processes that use them."""
    for path in (stack.home / "cache").rglob("*.db"):
        with suppress(OSError):
            os.truncate(path, path.stat().st_size // 2)


def faults(stack: RunningStack) -> list[tuple[str, Callable[[], None]]]:
    return [(part, lambda part=part: kill(stack, part)) for part in KILLED] + [
        ("cache", lambda: spoil_cache(stack)),
    ]


def until_served(shops: list[Shop], fault: str) -> None:
    """Wait until every shop has had a write acknowledged and a search answered that came after now, twice."""
    wanted = [(len(shop.acknowledged) + 2, shop.answered + 2) for shop in shops]
    deadline = time.monotonic() + RECOVERY_S
    while any(
        len(shop.acknowledged) < writes or shop.answered < answers
        for shop, (writes, answers) in zip(shops, wanted, strict=True)
    ):
        assert time.monotonic() < deadline, f"not served again after {fault}: {[shop.defects for shop in shops]}"
        time.sleep(LOOK_S)


@pytest.mark.timeout(600 + 2 * SECONDS)
def test_what_was_acknowledged_is_there_and_shops_see_their_own(stack: RunningStack):
    shops = [Shop(stack, 21, "Ada's"), Shop(stack, 22, "Bert's")]
    with under_load(shops):
        until_served(shops, "the start")
        ends_at = time.monotonic() + SECONDS
        for turn in itertools.count():
            for fault, cause in faults(stack):
                cause()
                until_served(shops, f"{fault}, turn {turn}")
            if time.monotonic() >= ends_at:
                break
    for shop in shops:
        assert shop.defects == []
        stored = shop.stored()
        assert dict(stored) == shop.acknowledged
        assert len(stored) == len(shop.acknowledged)
    secrets = [secret for shop in shops for secret in (shop.key, shop.mark)]  # a log holds no row of anyone, either
    logs = [path for path in (stack.home / "logs").rglob("*") if path.is_file()]
    assert logs
    assert [path.name for path in logs if any(secret in path.read_text(errors="replace") for secret in secrets)] == []
