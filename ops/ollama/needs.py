"""What the build takes from the machine: found, installed on a CI machine, or named with what installs it."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping

import msgspec

GO_MINIMUM = (1, 24, 1)  # go.mod of Ollama 0.17.4


class BuildError(Exception):
    """The build cannot go on; the text says what to do."""


class Need(msgspec.Struct, frozen=True):
    """A tool, or a header that the C++ compiler must find, and the Debian package that brings it."""

    package: str
    tool: str | None = None
    header: str | None = None

    @property
    def met(self) -> bool:
        if self.tool is not None:
            return shutil.which(self.tool) is not None
        command = ["g++", "-E", "-x", "c++", "-", "-o", os.devnull]
        source = f"#include <{self.header}>\n"
        return subprocess.run(command, input=source, text=True, capture_output=True, check=False).returncode == 0


NEEDS = (
    Need("gcc", tool="gcc"),
    Need("g++", tool="g++"),
    Need("make", tool="make"),
    Need("cmake", tool="cmake"),
    # The archive of a Go module leaves out folders named vendor, and these headers with them.
    Need("nlohmann-json3-dev", header="nlohmann/json.hpp"),
    Need("libstb-dev", header="stb/stb_image.h"),
)


def provide(environ: Mapping[str, str]) -> None:
    """See that all needs are met, on a CI machine by installing them; raises BuildError."""
    require_go()
    missing = missing_packages()
    if missing and environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        install(missing)
        missing = missing_packages()
    if missing:
        raise BuildError(f"missing: run `apt-get install {' '.join(missing)}` (Debian's names) and try again")


def missing_packages() -> list[str]:
    """The Debian packages whose tools or headers are not there; headers are only looked for with a compiler."""
    tools = [need.package for need in NEEDS if need.tool and not need.met]
    return tools + [need.package for need in NEEDS if need.header and ("g++" in tools or not need.met)]


def install(packages: list[str]) -> None:
    """Install Debian packages without asking; raises BuildError."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *arguments], env=environ, check=False)
        if done.returncode != 0:
            raise BuildError(f"apt-get {arguments[0]} failed with {done.returncode}")


def require_go() -> None:
    """Raises BuildError without a Go that is new enough."""
    wanted = ".".join(map(str, GO_MINIMUM))
    if shutil.which("go") is None:
        raise BuildError(f"missing: Go {wanted} or newer, from https://go.dev/dl/ (Debian 12's is too old)")
    said = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()
    if go_version(said) < GO_MINIMUM:
        raise BuildError(f"{said} is too old: Ollama needs Go {wanted} or newer, from https://go.dev/dl/")


def go_version(text: str) -> tuple[int, ...]:
    """The numbers of `go1.26.8` or `go1.25rc1`."""
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0)
