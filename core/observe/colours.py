"""How well the service keeps to its levels, as the host that runs the functions left it in the run folder."""

import time
from pathlib import Path
from typing import Literal

import msgspec

from core.settings import Settings

NAME = "levels.json"  # written by ops/host/vitals.py, every few seconds
FRESH_S = 30.0

Colour = Literal["green", "amber", "red", "grey"]


class Colours(msgspec.Struct, frozen=True):
    """Green: kept; amber: what was promised is missed; red: somebody is called; grey: nobody knows.

    Of the last minutes: 5xx, response times to the first byte; of up to days: how fast the month's allowance of
    failures goes.
    """

    overall: Colour = "grey"
    errors: Colour = "grey"
    p50: Colour = "grey"
    p95: Colour = "grey"
    p99: Colour = "grey"
    budget: Colour = "grey"


class _Left(Colours, frozen=True, kw_only=True):
    at: float


def read(settings: Settings) -> Colours:
    """What was left lately; grey where no host runs, or it has not judged for a while."""
    try:
        left = msgspec.json.decode((Path(settings.home) / "run" / NAME).read_bytes(), type=_Left)
    except (OSError, msgspec.DecodeError):
        return Colours()
    if abs(time.time() - left.at) > FRESH_S:
        return Colours()
    return Colours(left.overall, left.errors, left.p50, left.p95, left.p99, left.budget)
