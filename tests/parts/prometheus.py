"""promtool and amtool: the machine's, or Debian's, unpacked into the user's cache, which needs no root."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "cutting-edge" / "prometheus"


def run(tool: Path, *arguments: str | Path, cwd: Path) -> str:
    """What it says when it is content; what it says otherwise is the test's failure."""
    done = subprocess.run([tool, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def promtool() -> Path:
    return provided("promtool")


@pytest.fixture(scope="session")
def amtool() -> Path:
    return provided("amtool")


def provided(name: str) -> Path:
    """The tool; without one the tests fail and say what to install."""
    if found := shutil.which(name):
        return Path(found)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CACHE / name).exists():
            unpack(CACHE / "unfinished")
    return CACHE / name


def unpack(work: Path) -> None:
    """Fetch the packages, which apt checks, and take both tools out of them; ten seconds, once a user."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise RuntimeError(f"missing: {' and '.join(PACKAGES)}; put them on PATH, or use a Debian with apt-get")
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("lists/partial", "archives/partial"):
        (work / folder).mkdir(parents=True)
    # Lists of its own: those of the machine may be old, or not there, and only root could bring them.
    options = [f"Dir::State::Lists={work}/lists", f"Dir::Cache={work}", "APT::Sandbox::User=", "Acquire::Retries=3"]
    apt = ["apt-get", "-q", *(part for option in options for part in ("-o", option))]
    said = ""
    for arguments in (["update"], ["download", *PACKAGES.values()]):
        done = subprocess.run([*apt, *arguments], cwd=work, capture_output=True, text=True, check=False)
        said += done.stdout + done.stderr
    # A source that cannot be reached fails the update; whether it mattered, the download says.
    if done.returncode != 0:
        raise RuntimeError(said)
    for archive in work.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, work / "files"], check=True)
    for name in PACKAGES:
        (work / "files" / "usr" / "bin" / name).rename(CACHE / name)
    shutil.rmtree(work)
