"""Who listens, and can the world reach what is for this machine alone?"""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import psutil

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown
from ops.stack.listener import address_of

# Servers without a lock of their own, or with one that passwords open, by the ports that they are known by.
INTERNAL = {5432: "PostgreSQL", 11434: "Ollama", 6379: "Valkey"}


def examine(box: Box) -> Iterator[Finding]:
    """Look at all sockets that listen: ours have one port, and database and model none that others reach."""
    try:
        listening = [
            (one.laddr.ip, one.laddr.port, one.pid)
            for one in psutil.net_connections(kind="tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr
        ]
    except (psutil.Error, OSError) as error:
        yield unknown(f"sockets cannot be listed: {error}")
        return
    if box.elsewhere is not None:
        detail = f"this instance is at {box.elsewhere}, not at {address_of(box.settings)}"
        yield unknown(detail, "run `edge doctor` with the settings of `edge up`")
        return
    ours, settings = _ours(box), box.settings
    doors = [settings.port, settings.tls_port] if settings.tls_names else [settings.port]
    found = []
    for address, port, pid in listening:
        if port in doors:
            continue
        if pid in ours:
            found.append(f"{ours[pid]} (process {pid}) of this instance listens on {address} port {port}")
        elif port in INTERNAL and not ip_address(address).is_loopback:
            found.append(f"{INTERNAL[port]} listens on {address} port {port}, for the world")
    for detail in sorted({*found}):
        yield fault(detail, "bind it to 127.0.0.1, or close the port with a firewall")
    closed = [port for port in doors if port not in {listened for _, listened, _ in listening}]
    for port in closed:
        yield fault(f"nobody listens on port {port}", "start it with `make up` or `edge up`")
    if not found and not closed:
        yield ok(f"nginx on port {' and '.join(map(str, doors))} is the only door")


def _ours(box: Box) -> dict[int, str]:
    """Processes of this instance by pid: the parts, and all that they have started."""
    pids = [row["pid"] for row in box.parts.values() if row["pid"]]
    pids += [box.host["pid"]] if box.host else []
    found: dict[int, str] = {}
    for pid in pids:
        with suppress(psutil.Error):
            part = psutil.Process(pid)
            found |= {process.pid: _name(process) for process in (part, *part.children(recursive=True))}
    return found


def _name(process: Any) -> str:
    with suppress(psutil.Error):
        return str(process.name())
    return "a process"
