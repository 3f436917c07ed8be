"""What is written to a cgroup v2 hierarchy, over a folder that looks like one."""

import os
from pathlib import Path

import pytest

from ops.host import cgroup
from ops.host.cgroup import Cgroups

LISTING = "9:name=systemd:/x\n4:memory:/y\n0::/system.slice/edge.service\n"


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    base = tmp_path / "system.slice/edge.service"
    base.mkdir(parents=True)
    (base / "cgroup.controllers").write_text("cpu memory pids\n")
    (base / "cgroup.procs").write_text("11\n12\n")
    (base / "cgroup.subtree_control").touch()
    os.setxattr(base, "user.delegate", b"1")
    (tmp_path / "listing").write_text(LISTING)
    return tmp_path


def base_of(mount: Path) -> Path:
    return mount / "system.slice/edge.service"


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
    assert {
        "memory.max": str(320 * 1024 * 1024),  # a quarter more than the host allows
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "128",
    } == {path.name: text for path, text in cgroup.limits(Path("/cg/one"), 256)}


def test_a_delegated_hierarchy_is_made_ready(mount: Path):
    assert Cgroups.find(mount / "listing", mount) is not None
    assert "12" == (base_of(mount) / "host/cgroup.procs").read_text()
    assert "+memory +pids" == (base_of(mount) / "cgroup.subtree_control").read_text()


def test_a_host_that_comes_after_another_finds_the_same_one(mount: Path):
    assert Cgroups.find(mount / "listing", mount) is not None
    (mount / "listing").write_text("0::/system.slice/edge.service/host\n")
    assert Cgroups.find(mount / "listing", mount) is not None
    assert not (base_of(mount) / "host/host").exists()


@pytest.mark.parametrize("missing", ["memory", "pids"])
def test_without_a_controller_there_is_none(mount: Path, missing: str):
    offered = (base_of(mount) / "cgroup.controllers").read_text()
    (base_of(mount) / "cgroup.controllers").write_text(offered.replace(missing, ""))
    assert None is Cgroups.find(mount / "listing", mount)
    assert not (base_of(mount) / "host").exists()


def test_a_hierarchy_that_systemd_keeps_for_itself_is_not_touched_by_root(mount: Path):
    os.removexattr(base_of(mount), "user.delegate")
    assert (None is Cgroups.find(mount / "listing", mount)) == (os.geteuid() == 0)


def test_without_a_v2_hierarchy_there_is_none(mount: Path):
    (mount / "listing").write_text("4:memory:/\n")
    assert None is Cgroups.find(mount / "listing", mount)
    assert None is Cgroups.find(mount / "nothing", mount)


def test_each_worker_has_its_own_with_its_limits_and_ended_ones_are_removed(mount: Path):
    cgroups = Cgroups.find(mount / "listing", mount)
    assert cgroups is not None
    first = cgroups.make("one.1.1")
    assert str(base_of(mount) / "one.1.1/cgroup.procs") == first.entrance
    first.end()  # stays, since a file lies in it here; the kernel's own files do not keep a folder
    assert "1" == (first.folder / "cgroup.kill").read_text()
    (first.folder / "cgroup.kill").unlink()
    second = cgroups.make("one.1.2")
    assert not first.folder.exists()
    second.limit(64)
    assert str(80 * 1024 * 1024) == (second.folder / "memory.max").read_text()
