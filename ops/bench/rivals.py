"""What our host is set beside: stock servers over the same function, and FastAPI over one that does the same.

FastAPI and uvicorn are of the benchmark alone (requirements/bench.txt): they lie in a folder of their own, which only
these processes have on their path.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import NamedTuple

GRANIAN = Path(sys.executable).with_name("granian")
PACKAGES = Path(sys.executable).parents[1] / "bench"
# As the host runs Granian, where its command line has an option for it.
OPTIONS = (
    *("--interface", "asgi", "--loop", "uvloop", "--runtime-mode", "st"),
    *("--http", "1", "--no-ws", "--workers", "1"),
)
FASTAPI = Template('''"""Answers at once."""

from fastapi import FastAPI, Response
from pydantic import BaseModel


class Asked(BaseModel):
    """What is asked."""

    query: str


def create_app() -> FastAPI:
    """The application."""
    app = FastAPI()

    @app.post("$path")
    async def empty(data: Asked) -> Response:
        """Answer at once."""
        return Response(b'{"label":"$label"}', media_type="application/json")

    return app
''')


class Rival(NamedTuple):
    """A server over a framework; `words` is what a table calls it."""

    name: str
    words: str
    server: str
    framework: str

    def command(self, socket: Path, application: str) -> list[str]:
        """One process on a Unix socket, as it is recommended for production."""
        if self.server == "granian":
            return [str(GRANIAN), *OPTIONS, "--factory", "--uds", str(socket), application]
        options = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
        return [sys.executable, "-m", "uvicorn", *options, "--factory", "--uds", str(socket), application]


STOCK = Rival("stock", "stock Granian, the same application", "granian", "litestar")
RIVALS = (
    STOCK,
    Rival("uvicorn", "uvicorn, the same application", "uvicorn", "litestar"),
    Rival("granianfastapi", "Granian, FastAPI", "granian", "fastapi"),
    Rival("uvicornfastapi", "uvicorn, FastAPI", "uvicorn", "fastapi"),
)


def present(say: Callable[[str], None]) -> tuple[Rival, ...]:
    """Those that are installed; of the others it is said how to get them."""
    if (PACKAGES / "fastapi").is_dir() and (PACKAGES / "uvicorn").is_dir():
        return RIVALS
    say(f"uvicorn and FastAPI are left out: `make {PACKAGES.parent.name}/bench.stamp` installs them")
    return (STOCK,)


def module_of(rival: Rival, number: int = 0) -> str:
    """The name of its module, its socket and its route; a server of many has a number."""
    return f"{rival.name}{number}"


def start(  # noqa: PLR0913, PLR0917 - where and how a process runs
    rival: Rival, name: str, tree: Path, socket: Path, environ: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start it over `functions/NAME.py` of the tree."""
    paths = [str(tree), *([] if rival is STOCK else [str(PACKAGES)])]
    with log.open("ab") as output:
        return subprocess.Popen(
            rival.command(socket, f"functions.{name}:create_app"),
            cwd=tree,
            env={**environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=output,
            stderr=output,
        )
