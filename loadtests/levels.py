"""The service levels that the load tests judge by, all of them from ops/slo.toml."""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

PATH = Path(__file__).parents[1] / "ops" / "slo.toml"


class Promised(msgspec.Struct, frozen=True):
    """What callers can rely on."""

    response_p50_s: float
    response_p95_s: float
    response_p99_s: float
    search_s: float
    error_rate: float
    cache_hit_rate: float


class Stage(msgspec.Struct, frozen=True):
    """A part of a ramp: a straight line to so many users at its end."""

    end_s: Annotated[float, msgspec.Meta(gt=0)]
    users: Annotated[int, msgspec.Meta(ge=0)]


class Levels(msgspec.Struct, frozen=True):
    """The part of the file that concerns load."""

    promised: Promised
    ramp: tuple[Stage, ...]


def load() -> Levels:
    """The levels; raises OSError and msgspec.ValidationError."""
    return msgspec.convert(tomllib.loads(PATH.read_text("utf-8")), Levels)
