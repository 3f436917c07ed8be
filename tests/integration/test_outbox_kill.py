"""kill -9 at each step of the outbox's way: nothing that was acknowledged is lost, nothing is doubled."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.outbox.store import Store
from tests.parts.outbox_child import CONVERSATIONS, STEPS
from tests.parts.talk import outbox_over, rows

ROOT = Path(__file__).parents[2]


def killed(database, step: str) -> list[str]:
    """The conversations that a process acknowledged before it was killed at the step."""
    path = database.home / "settings.json"
    path.write_text(json.dumps(database.settings.to_environ()))
    command = [sys.executable, "-m", "tests.parts.outbox_child", str(path), step]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert -signal.SIGKILL == run.returncode, run.stderr
    return run.stdout.split()


@pytest.mark.parametrize("step", STEPS)
async def test_what_was_acknowledged_is_written_once_whenever_the_process_is_killed(database, step):
    acknowledged = killed(database, step)
    before = {str(one) for (one,) in rows(database, "select id from conversation")}
    async with outbox_over(database.settings, drains=False) as outbox:
        while await outbox.drain_once("database"):
            pass
    written = {str(one): tuple(counts) for one, *counts in rows(database, COUNTED)}
    assert set(acknowledged) <= set(written)
    assert set(written.values()) == {(2, 1, 1)}
    assert before <= set(written)
    assert len(written) <= CONVERSATIONS
    assert (0, 0) == Store(database.home / "outbox").counts()


COUNTED = """
select id,
    (select count(*) from message where conversation_id = conversation.id),
    (select count(*) from feedback where conversation_id = conversation.id),
    (select count(*) from learning_queue where conversation_id = conversation.id)
from conversation
"""


async def test_a_process_that_was_killed_lets_the_lane_go(database):
    killed(database, "within the transaction")
    assert [] != Store(database.home / "outbox").listed()
    async with outbox_over(database.settings) as outbox:
        assert await outbox.settle("turn", 30)
        assert await outbox.settle("rating", 30)
