"""The folders of one EDGE_HOME: whose the run folder is, who holds the lock, and what of it is deleted."""

import fcntl
import json
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from ops.stack.folders import Folders
from ops.stack.instance import Instance, InstanceError, _short_folder
from ops.stack.listener import ListenError
from ops.stack.stack import Stack
from tests.parts.commands import environ_of, run_edge
from tests.parts.stack import EDGE


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder whose path is too long for the sockets in it."""
    return tmp_path / ("d" * 100)


@pytest.fixture
def short(home: Path) -> Iterator[Path]:
    """Where the run folder lies instead."""
    path = _short_folder(home)
    yield path
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        path.rmdir()


@pytest.fixture
def treasure(tmp_path: Path) -> Path:
    """A folder of the same user that holds something."""
    folder = tmp_path / "treasure"
    folder.mkdir(mode=0o700)
    (folder / "kept").write_text("gold")
    return folder


def running(home: Path) -> Instance:
    instance = Instance(home)
    instance.prepare(None)
    instance.lock()
    return instance


def test_a_long_path_gets_a_short_run_folder_that_goes_at_the_end(home: Path, short: Path):
    instance = running(home)
    assert short == instance.run
    (short / "one.sock").write_text("")
    instance.close()
    assert not short.exists()
    assert not (home / "run").is_symlink()


def test_a_link_in_the_place_of_the_run_folder_is_refused_before_the_first_start(
    home: Path, short: Path, treasure: Path
):
    short.symlink_to(treasure)
    with pytest.raises(InstanceError, match="not a folder of this user alone"):
        Instance(home).prepare(None)
    assert not (home / "run").is_symlink()


def test_a_link_in_the_place_of_the_run_folder_is_refused_at_a_later_start(home: Path, short: Path, treasure: Path):
    Instance(home).prepare(None)
    short.rmdir()  # as a reboot does
    short.symlink_to(treasure)
    with pytest.raises(InstanceError, match="not a folder of this user alone"):
        Instance(home).prepare(None)


def test_a_link_that_leads_nowhere_is_refused_too(home: Path, short: Path, tmp_path: Path):
    short.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InstanceError, match="not a folder of this user alone"):
        Instance(home).prepare(None)


def test_what_a_link_leads_to_is_never_deleted(home: Path, short: Path, treasure: Path):
    instance = running(home)
    short.rmdir()
    short.symlink_to(treasure)
    instance.close()
    assert "gold" == (treasure / "kept").read_text()
    assert short.is_symlink()


def test_a_run_folder_that_an_operator_chose_is_used_and_kept(home: Path, treasure: Path):
    home.mkdir()
    (home / "run").symlink_to(treasure)
    instance = running(home)
    assert treasure == instance.run
    instance.close()
    assert "gold" == (treasure / "kept").read_text()
    assert (home / "run").is_symlink()


def test_a_folder_that_others_may_write_to_is_refused(home: Path, short: Path):
    short.mkdir()
    short.chmod(0o777)
    with pytest.raises(InstanceError, match="not a folder of this user alone"):
        Instance(home).prepare(None)


def test_no_stranger_is_swept_by_way_of_a_link(home: Path, short: Path):
    """`edge down` ends servers that stand below the run folder: with a link to / these would be all of the machine."""
    Instance(home).prepare(None)
    short.rmdir()
    short.symlink_to("/")
    assert short == Instance(home).run


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write to /run")
def test_roots_run_folder_lies_where_nobody_else_may_put_anything(home: Path, short: Path):
    Instance(home).prepare(None)
    assert Path("/run") == short.parent
    assert 0o711 == stat.S_IMODE(short.stat().st_mode)


def test_the_owner_of_the_lock_is_told_and_nobody_else_gets_it(tmp_path: Path):
    instance = running(tmp_path)
    assert os.getpid() == Folders(tmp_path).owner_pid()
    with pytest.raises(InstanceError, match=f"pid {os.getpid()}"):
        Instance(tmp_path).lock()
    instance.close()
    assert Folders(tmp_path).owner_pid() is None


def test_a_look_for_the_owner_is_taken_for_one_neither_by_a_start_nor_by_another_look(tmp_path: Path):
    running(tmp_path).close()  # which leaves its pid in the file
    look = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH)
    assert Folders(tmp_path).owner_pid() is None
    ends = threading.Timer(0.1, os.close, [look])
    ends.start()
    instance = Instance(tmp_path)
    instance.lock()
    ends.join()
    assert instance.is_locked
    instance.close()


def test_the_state_that_a_killed_stack_left_is_not_told_as_a_running_ones(tmp_path: Path):
    (tmp_path / "state.json").write_text(json.dumps({"pid": os.getpid(), "parts": []}))
    assert Folders(tmp_path).told() is None
    for arguments in ((), ("--json",)):
        done = run_edge([str(EDGE), "status", *arguments], environ_of(tmp_path))
        assert (4, "") == (done.returncode, done.stdout)
        assert "nothing runs" in done.stderr
    instance = running(tmp_path)
    assert Folders(tmp_path).told() == {"pid": os.getpid(), "parts": []}
    instance.state.write_text("")
    assert Folders(tmp_path).told() is None
    instance.close()


def test_a_state_that_is_old_is_said_to_be_when_the_stack_does_not_answer(tmp_path: Path):
    instance = running(tmp_path)
    instance.state.write_text(json.dumps({"pid": os.getpid(), "writtenAt": time.time() - 60, "parts": []}))
    done = run_edge([str(EDGE), "status", "--json"], environ_of(tmp_path))
    instance.close()
    assert (1, []) == (done.returncode, json.loads(done.stdout)["parts"])
    assert re.search(rf"this was so \d+ s ago: `edge up` \(pid {os.getpid()}\) has neither", done.stderr)


def test_a_stack_that_starts_says_so_whatever_the_one_before_left(tmp_path: Path):
    instance = running(tmp_path)
    instance.state.write_text(json.dumps({"pid": os.getpid() + 1, "parts": []}))
    done = run_edge([str(EDGE), "status"], environ_of(tmp_path))
    instance.close()
    assert 4 == done.returncode
    assert f"(pid {os.getpid()}) is not up yet" in done.stderr


def test_a_start_throws_away_what_an_earlier_one_told_under_the_same_pid(tmp_path: Path):
    (tmp_path / "state.json").write_text(json.dumps({"pid": os.getpid(), "parts": []}))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        stack = Stack(Settings(home=tmp_path, port=other.getsockname()[1]), print)
        with pytest.raises(ListenError):
            stack.start()
    assert not stack.instance.state.exists()
    stack.instance.close()  # not stop(): whatever this process has started would be taken for parts of the stack
