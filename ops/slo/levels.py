"""Reads ops/slo.toml. Whatever judges the service takes its figures from here, so that none can drift."""

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from ops.slo.series import BOUNDS_S
from ops.slo.slips import told

NAME = "ops/slo.toml"
PATH = Path(__file__).parents[2] / NAME

Severity = Literal["critical", "warning"]
Receiver = Literal["sms", "email", "pager"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Seconds = Positive
Count = Annotated[int, msgspec.Meta(ge=0)]
Some = Annotated[int, msgspec.Meta(ge=1)]
Read = TypeVar("Read")


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            if getattr(self, field) == math.inf:  # which TOML can say, and no bound refuses
                raise ValueError(f"{field} must be finite")


class Promised(_Section, frozen=True):
    """What callers can rely on. The response times are quantiles of all answers."""

    response_p50_s: Seconds
    response_p95_s: Seconds
    response_p99_s: Seconds
    search_s: Seconds
    error_rate: Share
    error_rate_critical: Share
    availability: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    availability_over_s: Seconds
    availability_least_rate: Positive
    embedding_s: Seconds
    database_s: Seconds
    cache_hit_rate: Share

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.response_p50_s <= self.response_p95_s <= self.response_p99_s:
            raise ValueError("response_p50_s, response_p95_s and response_p99_s must not fall")
        if self.search_s not in BOUNDS_S:
            raise ValueError(f"search_s is {self.search_s:g}, and what is measured has bounds {_bounds()}")


class Stage(_Section, frozen=True):
    """A part of the promised ramp: so many users at its end."""

    end_s: Seconds
    users: Count


class Notice(_Section, frozen=True):
    """Whom an alert calls, after how long."""

    for_s: Seconds
    severity: Severity
    reaches: tuple[Receiver, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.reaches:
            raise ValueError("reaches must name somebody")


class Alert(Notice, frozen=True):
    """An alert on a figure that passes `limit`."""

    limit: Positive


class BackupAlert(Alert, frozen=True):
    """The same; with `expected` a figure that there is not is too old as well."""

    expected: bool


class Alerts(_Section, frozen=True, rename="pascal"):
    """The alerts by name; the builder of each (ops/slo/rules.py) knows what is measured."""

    high_error_rate: Alert
    slow_response_time: Alert
    high_memory_usage: Alert
    service_down: Notice
    function_down: Notice
    certificate_expires: Alert
    backup_too_old: BackupAlert
    disk_full: Alert
    model_queue_deep: Alert
    answers_degraded: Alert
    unwatched: Notice

    def __post_init__(self) -> None:
        if (limit := self.slow_response_time.limit) >= BOUNDS_S[-1]:
            raise ValueError(f"SlowResponseTime.limit is {limit:g}, and times past {BOUNDS_S[-1]:g} s look alike")


class Burn(_Section, frozen=True):
    """An alert on the error budget: spent `factor` times too fast over a long window, and still over the short one."""

    factor: Positive
    long_s: Seconds
    short_s: Seconds
    severity: Severity
    reaches: tuple[Receiver, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.reaches:
            raise ValueError("reaches must name somebody")
        if self.short_s >= self.long_s:
            raise ValueError(f"short_s is {self.short_s:g}, and must be less than long_s, {self.long_s:g}")


class Gate(_Section, frozen=True):
    """What a release keeps to, or is refused."""

    smoke_s: Seconds


class Rollback(_Section, frozen=True):
    """When the host takes a release back by itself."""

    error_rate: Share
    error_rate_for_s: Seconds
    p95_s: Seconds
    p95_for_s: Seconds
    crashes: Some
    crashes_within_s: Seconds
    least_requests: Count
    abandoned_rate: Share


class Aims(_Section, frozen=True):
    """What benchmarks and drills measure against; `…_throughput` are shares of the floor beside it in the same run."""

    users: Count
    cached_search_p95_s: Seconds
    cached_search_throughput: Share
    new_search_throughput: Share
    new_search_p95_s: Seconds
    new_search_failed: Count
    database_ratio: Positive
    database_passages: Count
    database_shops: Count
    recall_at_10: Share
    chat_first_event_p95_s: Seconds
    deploys: Count
    deploy_requests: Count
    deploy_failed_requests: Count
    deploy_cut_streams: Count
    writes_not_seen: Count
    rollback_s: Seconds
    rollback_built: Count
    functions: Count
    functions_memory_mib: Count
    goodput_kept: Share
    memory_growth: Positive


class Levels(_Section, frozen=True):
    """All of ops/slo.toml."""

    promised: Promised
    ramp: tuple[Stage, ...]
    alerts: Alerts
    burn: tuple[Burn, ...]
    gate: Gate
    rollback: Rollback
    aims: Aims

    def __post_init__(self) -> None:
        ends = [stage.end_s for stage in self.ramp]
        if not ends or ends != sorted({*ends}):
            raise ValueError("ramp: it must have stages, each with a later end_s than the one before")
        if not any(stage.users for stage in self.ramp):
            raise ValueError("ramp: one of its stages must have users")


def _bounds() -> str:
    return ", ".join(f"{bound:g}" for bound in BOUNDS_S)


class _RollbackAlone(msgspec.Struct, frozen=True):
    """Of the file what the host needs: a slip elsewhere must not keep it from its work."""

    rollback: Rollback


class _GateAlone(msgspec.Struct, frozen=True):
    gate: Gate


@cache
def load(path: Path = PATH) -> Levels:
    """The service levels; raises LevelsError, which names the field."""
    return load_anew(path)


def load_anew(path: Path = PATH) -> Levels:
    """The same as the file says now, for whoever runs on while it is changed."""
    return _read(path, Levels)


def load_rollback(path: Path = PATH) -> Rollback:
    """What the file says now of rollbacks, whatever else is wrong with it; raises LevelsError."""
    return _read(path, _RollbackAlone).rollback


def load_gate(path: Path = PATH) -> Gate:
    """What the file says now of the gate, alike; raises LevelsError."""
    return _read(path, _GateAlone).gate


def _read(path: Path, kind: type[Read]) -> Read:
    data: Mapping[str, Any] = {}
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(data, kind)
    except (OSError, ValueError) as error:  # TOML, UTF-8 and levels alike
        raise told(NAME, error, kind, data) from error
