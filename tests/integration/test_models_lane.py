import asyncio
import os
import subprocess
import sys
import time

import pytest

from core.models.lane import Lane
from tests.parts.faulty_models import until

HOLDER = """
import sys
from pathlib import Path
from core.models.lane import Lane
lane = Lane(Path(sys.argv[1]))
for line in sys.stdin:
    getattr(lane, line.strip())()
    print("done", flush=True)
"""


class Holder:
    """Another process with the same lane."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def does(self, verb):
        self.process.stdin.write(verb + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "model.lane"


@pytest.fixture
def lane(path):
    lane = Lane(path)
    yield lane
    lane.close()


@pytest.fixture
def holder(path):
    holder = Holder(path)
    yield holder
    holder.kill()


def test_a_file_system_that_cannot_lock_is_as_no_lane(lane, path):
    """A descriptor that only names the file refuses every lock."""
    for name in ("_mine", "_probe"):
        os.close(getattr(lane, name))
        setattr(lane, name, os.open(path, os.O_PATH))
    assert not lane.busy()
    lane.enter()
    assert lane.busy()
    lane.leave()
    assert not lane.busy()


def test_it_is_busy_while_anyone_of_this_process_waits(lane):
    lane.enter()
    lane.enter()
    lane.leave()
    assert lane.busy()
    lane.leave()
    assert not lane.busy()


def test_bulk_work_sees_who_waits_in_another_process(lane, holder):
    holder.does("enter")
    assert lane.busy()
    holder.does("leave")
    assert not lane.busy()


def test_interactive_callers_of_two_processes_do_not_exclude_each_other(lane, holder):
    holder.does("enter")
    lane.enter()
    lane.leave()
    assert lane.busy()


async def test_the_lane_is_clear_after_its_holder_was_killed(lane, holder):
    holder.does("enter")
    holder.kill()
    await until(lambda: not lane.busy())


async def test_patience_ends_so_that_bulk_work_never_starves(lane):
    lane.enter()
    await asyncio.wait_for(lane.clear(0.01), 10)
    assert lane.busy()
    lane.leave()


async def test_a_lane_without_its_file_still_orders_its_own_process(tmp_path):
    (tmp_path / "run").write_text("a file where the folder should be")
    lane = Lane(tmp_path / "run" / "model.lane")
    assert not lane.busy()
    lane.enter()
    assert lane.busy()
    lane.leave()
    await lane.clear(0)
    lane.close()


def test_it_is_known_for_a_while_that_another_process_was_asked(lane, holder):
    holder.does("enter")
    holder.does("leave")
    assert not lane.busy()
    assert lane.asked_within(60)
    assert not lane.asked_within(0.0)


def test_a_clock_that_was_set_back_hides_nobody_for_long_and_shows_nobody_who_is_not_there(lane, path):
    later = time.time() + 3600
    os.utime(path, (later, later))
    assert not lane.asked_within(60)
    lane.enter()
    lane.leave()
    assert lane.asked_within(60)
