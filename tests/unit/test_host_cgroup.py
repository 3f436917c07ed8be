"""What is written to a cgroup v2 hierarchy, over a folder that looks like one."""

import os
from pathlib import Path

import pytest

from ops.host import cgroup
from ops.host.cgroup import Cgroups

LISTING = "9:name=systemd:/x\n4:memory:/y\n0::/system.slice/edge.service\n"
MOUNTS = """25 30 0:23 / /sys rw,nosuid - sysfs sysfs rw
31 24 0:27 / {mount} rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
41 24 0:37 / /sys/fs/cgroup/memory rw,relatime shared:15 - cgroup cgroup rw,memory
"""


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    base = tmp_path / "system.slice/edge.service"
    base.mkdir(parents=True)
    (base / "cgroup.controllers").write_text("cpu memory pids\n")
    (base / "cgroup.procs").write_text("11\n12\n")
    (base / "cgroup.subtree_control").touch()
    os.setxattr(base, "user.delegate", b"1")
    (tmp_path / "listing").write_text(LISTING)
    (tmp_path / "mounts").write_text(MOUNTS.format(mount=tmp_path))
    return tmp_path


def base_of(mount: Path) -> Path:
    return mount / "system.slice/edge.service"


def find(mount: Path) -> Cgroups | None:
    return Cgroups.find(mount / "listing", mount / "mounts")


def test_the_v2_hierarchy_is_found_where_it_is_mounted():
    assert Path("/sys/fs/cgroup/unified") == cgroup.mount_point(MOUNTS.format(mount="/sys/fs/cgroup/unified"))
    assert None is cgroup.mount_point("41 24 0:37 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")


def test_the_v2_hierarchy_is_the_line_without_a_controller():
    assert "/system.slice/edge.service" == cgroup.own_path(LISTING)
    assert None is cgroup.own_path("4:memory:/y\n1:cpu:/\n")


def test_processes_move_to_a_leaf_before_the_limits_are_opened_below():
    base = Path("/cg")
    assert [
        (base / "host/cgroup.procs", "11"),
        (base / "host/cgroup.procs", "12"),
        (base / "cgroup.subtree_control", "+memory +pids"),
    ] == cgroup.setup(base, [11, 12])


def test_a_worker_and_what_it_starts_are_bounded_in_memory_and_number_and_go_together():
    folder = Path("/cg/one")
    assert {
        "memory.max": str(320 * 1024 * 1024),  # a quarter more than the host allows
        "memory.swap.max": "0",
        "memory.oom.group": "1",
    } == {path.name: text for path, text in cgroup.bounds_of_memory(folder, 256)}
    assert [(folder / "pids.max", "128")] == cgroup.bounds_of_number(folder)


def test_a_kernel_without_a_limit_on_swap_takes_the_others(tmp_path: Path):
    """The kernel makes no file of a cgroup because somebody writes to it: the folder here would."""
    cgroup.apply(cgroup.bounds_of_memory(tmp_path, 256))
    assert ["memory.max", "memory.oom.group"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_delegated_hierarchy_is_made_ready(mount: Path):
    assert find(mount) is not None
    assert "12" == (base_of(mount) / "host/cgroup.procs").read_text()
    assert "+memory +pids" == (base_of(mount) / "cgroup.subtree_control").read_text()


def test_a_host_that_comes_after_another_finds_the_same_one(mount: Path):
    assert find(mount) is not None
    (mount / "listing").write_text("0::/system.slice/edge.service/host\n")
    assert find(mount) is not None
    assert not (base_of(mount) / "host/host").exists()


@pytest.mark.parametrize("missing", ["memory", "pids"])
def test_without_a_controller_there_is_none(mount: Path, missing: str):
    offered = (base_of(mount) / "cgroup.controllers").read_text()
    (base_of(mount) / "cgroup.controllers").write_text(offered.replace(missing, ""))
    assert None is find(mount)
    assert not (base_of(mount) / "host").exists()


def test_a_hierarchy_that_systemd_keeps_for_itself_is_not_touched_by_root(mount: Path):
    os.removexattr(base_of(mount), "user.delegate")
    assert (None is find(mount)) == (os.geteuid() == 0)


def test_without_a_v2_hierarchy_there_is_none(mount: Path):
    (mount / "listing").write_text("4:memory:/\n")
    assert None is find(mount)
    assert None is Cgroups.find(mount / "nothing", mount / "mounts")
    assert None is Cgroups.find(mount / "listing", mount / "nothing")


def test_workers_that_have_not_entered_yet_keep_theirs_and_an_ended_one_is_removed(mount: Path):
    cgroups = find(mount)
    assert cgroups is not None
    first, second = cgroups.make("one.1.1"), cgroups.make("one.1.2")
    assert str(base_of(mount) / "one.1.1/cgroup.procs") == first.entrance
    assert "128" == (first.folder / "pids.max").read_text()
    first.end()  # stays, since files lie in it here; the kernel's own files do not keep a folder
    assert "1" == (first.folder / "cgroup.kill").read_text()
    for path in [*first.folder.iterdir(), *second.folder.iterdir()]:
        path.unlink()
    third = cgroups.make("one.1.3")
    assert [False, True, True] == [one.folder.exists() for one in (first, second, third)]
    third.limit(64)
    assert str(80 * 1024 * 1024) == (third.folder / "memory.max").read_text()


def test_what_earlier_hosts_left_is_removed_and_its_own_stays(mount: Path):
    cgroups = find(mount)
    assert cgroups is not None
    (base_of(mount) / "one.1.1").mkdir()
    own = cgroups.make("one.2.1")
    cgroups.sweep()
    assert own.folder.exists()
    assert "1" == (base_of(mount) / "one.1.1/cgroup.kill").read_text()
