"""Lines of logs as a person reads them: those of requests, of log records, of nginx, and everything else as it is."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import click

_ERROR_LOG = re.compile(rb"^(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) ")  # nginx's error log
_JSON_TIME = re.compile(rb'"time":"([^"]{19,35})"')
_LEVEL_COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
_SHOWN = frozenset({"time", "id", "function", "route", "path", "method", "status", "ms", "seconds"})
OK_BELOW, CLIENT_BELOW = 300, 500


def pretty(line: bytes) -> str:
    """One line for a terminal; what is no JSON object of ours stays as it is."""
    import json

    text = line.decode(errors="replace")
    if not text.startswith("{"):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    if "status" in found:
        return _request(found)
    return _record(found) if "message" in found else text


def in_order(files: Iterable[list[bytes]]) -> list[bytes]:
    """Lines of several logs merged by their times; one without a time stays with the line before it."""
    return [line for _, line in sorted((pair for lines in files for pair in _timed(lines)), key=lambda pair: pair[0])]


def _timed(lines: list[bytes]) -> Iterator[tuple[float, bytes]]:
    moment = 0.0
    for line in lines:
        moment = _moment(line) or moment
        yield moment, line


def _moment(line: bytes) -> float | None:
    """Seconds after the epoch of a line of ours or nginx's; its error log has the machine's own time."""
    if match := _JSON_TIME.search(line[:200]):
        text = match[1].decode()
    elif match := _ERROR_LOG.match(line):
        year, month, day, clock = (part.decode() for part in match.groups())
        text = f"{year}-{month}-{day}T{clock}"
    else:
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp()
    return None


def _request(found: dict[str, Any]) -> str:
    status, ms = int(found["status"]), found.get("ms")
    if ms is None:
        ms = float(found.get("seconds") or 0) * 1000
    route = found.get("route") or found.get("path") or "-"
    rest = {name: value for name, value in found.items() if name not in _SHOWN and value not in ("", None)}
    extras = " ".join([*(f"{name}={value}" for name, value in rest.items()), str(found.get("id", ""))])
    head = f"{_clock(found)} {click.style(str(status), fg=_status_colour(status))} {found.get('method', '-'):<6}"
    return f"{head} {route} {ms:.1f} ms {click.style(extras, dim=True)}"


def _record(found: dict[str, Any]) -> str:
    level = str(found.get("level", ""))
    head = f"{_clock(found)} {click.style(level, fg=_LEVEL_COLOURS.get(level, 'blue'))} {found['message']}"
    tail = click.style(f" {found.get('logger', '')} {found.get('id', '')}".rstrip(), dim=True)
    trace = "".join(f"\n    {line}" for line in str(found.get("trace", "")).splitlines())
    return f"{head}{tail}{trace}"


def _clock(found: dict[str, Any]) -> str:
    with suppress(ValueError):
        return f"{datetime.fromisoformat(str(found.get('time'))).astimezone():%H:%M:%S.%f}"[:-3]
    return str(found.get("time", ""))


def _status_colour(status: int) -> str:
    if status < OK_BELOW:
        return "green"
    return "yellow" if status < CLIENT_BELOW else "red"
