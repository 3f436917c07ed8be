"""What a check found."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How bad it is, the best first. `UNKNOWN` is what could not be looked at: no reason to feel well."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    FAULT = "fault"


class Finding(msgspec.Struct, frozen=True):
    """`detail` is one sentence for an operator, `remedy` what to do about it."""

    level: Level
    detail: str
    remedy: str | None = None


def ok(detail: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, detail)


def warning(detail: str, remedy: str) -> Finding:
    """It works, and will not for ever."""
    return Finding(Level.WARNING, detail, remedy)


def unknown(detail: str, remedy: str | None = None) -> Finding:
    """What would tell does not answer."""
    return Finding(Level.UNKNOWN, detail, remedy)


def fault(detail: str, remedy: str) -> Finding:
    """It does not work, or not as it must."""
    return Finding(Level.FAULT, detail, remedy)
