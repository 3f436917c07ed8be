"""The folders of one EDGE_HOME: whose the run folder is, who holds the lock, and what of it is deleted."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.stack.instance import Instance, InstanceError, _short_folder


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
