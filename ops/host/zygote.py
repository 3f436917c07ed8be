"""The zygote: one warmed, single-threaded process with third-party libraries loaded, from which workers are forked.

It knows neither `core` nor functions, so that a worker imports both from its own release. A worker is forked twice
over, which makes it a child of the host (a subreaper): the zygote can be replaced without touching what serves.
"""

import gc
import importlib
import os
import signal
import socket
import sys
import time
from typing import NoReturn

import msgspec

from ops.host import rehearsal, worker
from ops.host.spec import WorkerSpec
from ops.lifeline import die_with_parent

# All that functions import of others (tests/unit/test_zygote.py): what is loaded here once, workers share.
LIBRARIES = (
    "cachetools",
    "diskcache",
    "granian.server.mp",
    "holidays.countries",  # comes whole at the first question for one of them: 12 MiB and 0.2 s a worker
    "litestar.openapi.plugins",
    "litestar.serialization",
    "litestar.static_files",
    "msgspec",
    "ollama",
    "pgvector.psycopg",
    "prometheus_client.core",
    "psycopg_pool",
    "tzdata",
    "uuid_utils.compat",
    "uvloop",
)
PACKET_BYTES = 65536


def main(control_fd: int) -> NoReturn:
    """Serve fork requests on the inherited SEQPACKET socket until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)
    control = socket.socket(fileno=control_fd)
    _warm()
    control.send(b"warm")
    while True:
        packet, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES, len(worker.Descriptors._fields))
        if not packet:
            os._exit(0)
        spec = msgspec.json.decode(packet, type=WorkerSpec)
        pid = _fork_twice(spec, worker.Descriptors(*descriptors))
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(str(pid).encode())


def _fork_twice(spec: WorkerSpec, inherited: worker.Descriptors) -> int:
    pid_read, pid_write = os.pipe()
    middle = os.fork()
    if middle == 0:
        middle = os.getpid()
        pid = os.fork()
        if pid == 0:
            while os.getppid() == middle:  # until the middle process has ended: then the host is the parent
                time.sleep(0.0005)
            worker.run(spec, inherited)
        os.write(pid_write, str(pid).encode())
        os._exit(0)
    os.close(pid_write)
    pid = int(os.read(pid_read, 32))
    os.close(pid_read)
    os.waitpid(middle, 0)
    return pid


def _warm() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    rehearsal.run()
    gc.collect()
    gc.freeze()  # keeps the collector from writing to, and so from copying, the pages that workers share


if __name__ == "__main__":
    main(int(sys.argv[1]))
