"""The colours of the health page: how well what is measured keeps to ops/slo.toml."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

from ops.slo.levels import Levels


class Colour(IntEnum):
    """From the best to the worst. Grey says nothing: too little was asked to tell, or nobody measured."""

    GREY = 0
    GREEN = 1
    AMBER = 2
    RED = 3


class Answers(Protocol):
    """What a function answered lately."""

    @property
    def requests(self) -> int:
        """How many were asked."""

    @property
    def failed(self) -> int:
        """How many of them got 5xx."""

    def quantile_s(self, q: float) -> float:
        """A response time."""


class Spent(msgspec.Struct, frozen=True):
    """All requests of a window of the service's life, of which some failed."""

    requests: int
    failed: int

    def share(self, window_s: float, least_rate: float) -> float:
        """What failed; of a service seldom used as though it had been asked `least_rate` times a second."""
        return self.failed / max(self.requests, least_rate * window_s)


def colours(levels: Levels, functions: Sequence[Answers], spent: Mapping[float, Spent]) -> dict[str, Colour]:
    """Of the worst function what it answers, and of all how fast the month's allowance of failures goes.

    `spent` is what the windows of the levels' burn rates held, by their length.
    """
    busy = [answers for answers in functions if answers.requests >= max(1, levels.rollback.least_requests)]
    found = {name: max((of(levels, answers) for answers in busy), default=Colour.GREY) for name, of in SEEN.items()}
    found["budget"] = _budget(levels, spent)
    return {"overall": max(found.values()), **found}


def windows(levels: Levels) -> frozenset[float]:
    """The lengths of the windows that the budget is looked at over."""
    return frozenset(window_s for burn in levels.burn for window_s in (burn.long_s, burn.short_s))


def _errors(levels: Levels, answers: Answers) -> Colour:
    share, promised = answers.failed / answers.requests, levels.promised
    return _coloured(share, amber=promised.error_rate, red=promised.error_rate_critical)


def _p50(levels: Levels, answers: Answers) -> Colour:
    return _coloured(answers.quantile_s(0.5), amber=levels.promised.response_p50_s)


def _p95(levels: Levels, answers: Answers) -> Colour:
    red = levels.alerts.slow_response_time.limit
    return _coloured(answers.quantile_s(0.95), amber=levels.promised.response_p95_s, red=red)


def _p99(levels: Levels, answers: Answers) -> Colour:
    return _coloured(answers.quantile_s(0.99), amber=levels.promised.response_p99_s)


SEEN = {"errors": _errors, "p50": _p50, "p95": _p95, "p99": _p99}


def _coloured(figure: float, *, amber: float, red: float = float("inf")) -> Colour:
    return Colour.RED if figure > red else Colour.AMBER if figure > amber else Colour.GREEN


def _budget(levels: Levels, spent: Mapping[float, Spent]) -> Colour:
    """As the alerts on it: red when somebody is called at night, amber when it is a matter of days."""
    promised, worst = levels.promised, Colour.GREEN
    for burn in levels.burn:
        allowed = burn.factor * (1 - promised.availability)
        windows_s = (burn.long_s, burn.short_s)
        if all(spent[window_s].share(window_s, promised.availability_least_rate) > allowed for window_s in windows_s):
            worst = max(worst, Colour.RED if burn.severity == "critical" else Colour.AMBER)
    return worst if any(window.requests for window in spent.values()) else Colour.GREY
