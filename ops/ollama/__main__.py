"""`python -m ops.ollama build | serve [--port N] | test [pytest's arguments]`: the real Ollama on this machine."""

import argparse
import os
import signal
import subprocess
import sys

from ops.ollama.build import build
from ops.ollama.layout import Layout
from ops.ollama.needs import BuildError
from ops.ollama.server import OllamaServer


def main() -> None:
    """Build what is missing, then do what was asked; exit code 1 says in one sentence what is missing."""
    parser = argparse.ArgumentParser(prog="python -m ops.ollama", description=__doc__)
    parser.add_argument("verb", choices=("build", "serve", "test"))
    parser.add_argument("--port", type=int, help="for serve; any free one without it")
    arguments, rest = parser.parse_known_args()
    if rest and arguments.verb != "test":
        parser.error(f"unknown: {' '.join(rest)}")
    layout = Layout.of_user(os.environ)
    try:
        build(layout, os.environ)
        sys.exit({"build": show, "serve": serve, "test": test}[arguments.verb](layout, arguments.port, rest))
    except BuildError as error:
        sys.exit(f"ollama: {error}")


def show(layout: Layout, _port: int | None, _rest: list[str]) -> int:
    """Where it is."""
    sys.stdout.write(f"{layout.binary}\n")
    return 0


def serve(layout: Layout, port: int | None, _rest: list[str]) -> int:
    """Run it in the foreground until it is interrupted."""
    with OllamaServer(layout, port=port) as server:
        sys.stdout.write(f"EDGE_OLLAMA_URL={server.url}\n")
        sys.stdout.flush()
        assert server.process is not None
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return server.process.wait()
        except KeyboardInterrupt:
            return 0


def test(_layout: Layout, _port: int | None, rest: list[str]) -> int:
    """The tests that need it; they start and stop servers themselves."""
    return subprocess.run([sys.executable, "-m", "pytest", "-n", "0", "-m", "ollama", *rest], check=False).returncode


if __name__ == "__main__":
    main()
