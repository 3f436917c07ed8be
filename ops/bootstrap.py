"""Builds the virtual environment from locked requirements; runs on a bare Python, before anything is installed."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
FREE_BYTES = 1200 * 1024 * 1024


def main(target: Path, requirements: Path) -> None:
    """Make `target` when it is missing or of another Python, install `requirements`, then this project itself."""
    if sys.version_info < OLDEST:
        sys.exit(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, this is {sys.version.split()[0]}: make PYTHON=…")
    python = target / "bin" / "python"
    if not _usable(python):
        _check_space(target)
        print(f"making the environment in {target}", flush=True)
        _make(target)
    count = sum("==" in line for line in requirements.read_text().splitlines())
    print(f"installing at most {count} pinned wheels, each checked by its hash", flush=True)
    # Byte code is left to the first import: compiling what is never imported takes longer than all the rest.
    _pip(python, "--no-compile", "--require-hashes", "--only-binary", ":all:", "-r", str(requirements))
    _pip(python, "--no-build-isolation", "--editable", str(ROOT), what="this project")


def _usable(python: Path) -> bool:
    probe = "import sys, pip; print(sys.version_info[:2])"
    if not python.exists():
        return False
    done = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == str(sys.version_info[:2])


def _check_space(target: Path) -> None:
    free = shutil.disk_usage(target.absolute().parent).free
    if free < FREE_BYTES:
        sys.exit(f"{FREE_BYTES >> 20} MiB of disk are needed for {target}, {free >> 20} are free: free some space")


def _make(target: Path) -> None:
    try:
        venv.create(target, clear=True, with_pip=True)
    except (subprocess.CalledProcessError, OSError) as error:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(f"python -m venv failed ({error}); on Debian and Ubuntu: apt-get install python{version}-venv")


def _pip(python: Path, *arguments: str, what: str = "what was fetched") -> None:
    command = [
        str(python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--no-deps",
        *arguments,
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        _show_progress(line, what)
    print("\r\033[K" if sys.stdout.isatty() else "", end="", flush=True)
    if process.wait() != 0:
        sys.exit("pip could not install the locked requirements; its message is above. Is the package index reachable?")


def _show_progress(line: str, what: str) -> None:
    """One line that changes, on a terminal; the two long steps alone elsewhere."""
    word, _, rest = line.strip().partition(" ")
    if sys.stdout.isatty() and word in {"Collecting", "Installing"}:
        print(f"\r\033[K  {word.lower()} {rest.split(' ')[0]}", end="", flush=True)
    elif word == "Installing":
        print(f"  installing {what}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
