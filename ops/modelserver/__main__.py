"""`python -m ops.modelserver --socket PATH`: the embedded model server as a process."""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from ops.modelserver.app import create_app
from ops.modelserver.encoder import Encoder
from ops.modelserver.engine import Engine
from ops.modelserver.files import MODEL, TOKENIZER, FileRefusedError

logger = logging.getLogger("ops.modelserver")

SOCKET_PATH_BYTES = 107  # unix(7): sun_path holds 108 with the closing NUL
BACKLOG = 1024  # Granian counts idle connections against it; every function keeps a few


class StartError(Exception):
    """The server cannot start; the text says what to do."""


def main() -> None:
    """Load the model, then listen: a socket that accepts belongs to a server that can answer."""
    parser = argparse.ArgumentParser(prog="python -m ops.modelserver", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="texts computed at once")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        path = free_socket(arguments.socket)
        engine = Engine(Encoder(MODEL.read(), TOKENIZER.read()), arguments.threads)
    except (StartError, FileRefusedError) as error:
        sys.exit(f"model server: {error}")
    uvloop.run(serve(engine, path))


async def serve(engine: Engine, path: Path) -> None:
    """Answer on the socket until SIGTERM or SIGINT, then finish what is in hand."""
    os.umask(0o177)  # the socket is for this user only
    server = Server(
        create_app(engine),
        uds=path,
        interface=Interfaces.ASGINL,
        websockets=False,
        backlog=BACKLOG,
        log_level=LogLevels.error,
    )

    def stop() -> None:
        engine.stop()
        server.stop()  # type: ignore[no-untyped-call]

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    logger.info("listening on %s", path)
    try:
        await server.serve()
    finally:
        engine.close()


def free_socket(path: Path) -> Path:
    """The path, with a socket removed that a killed server left behind; raises StartError when it is in use."""
    resolved = path.resolve()
    if len(os.fsencode(resolved)) > SOCKET_PATH_BYTES:
        raise StartError(f"{resolved} is longer than the {SOCKET_PATH_BYTES} bytes a socket's path may have")
    if not resolved.parent.is_dir():
        raise StartError(f"there is no folder {resolved.parent} to put the socket in")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(resolved))
        except FileNotFoundError:
            return resolved
        except ConnectionRefusedError:
            resolved.unlink()
            return resolved
        except OSError as error:
            raise StartError(f"{resolved}: {error.strerror}") from error
    raise StartError(f"another server already answers on {resolved}")


if __name__ == "__main__":
    main()
