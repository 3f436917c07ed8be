"""What got worse since another run on the same machine.

A figure with a floor is compared by its ratio, since floor and figure were disturbed by the same things; another one by
its value. It is worse, or better, when all rounds of one run lie beyond all rounds of the other and the medians differ
by more than LEAST: medians alone would call noise a change, and a spread alone would not see a small one that is real.
"""

import statistics
import sys
from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from ops.bench.figure import Figure, Report, by_key

LEAST = 0.08
MACHINE = ("processor", "cores", "memoryGiB")
PIPED_COLUMNS = 130
Verdict = Literal["worse", "better", "same", "gone", "new"]


class NotComparableError(Exception):
    """The two runs say nothing about each other; the message says why."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A figure then and now: medians with the least and most of the rounds, in multiples of the floor or in `unit`."""

    key: str
    title: str
    unit: str
    verdict: Verdict
    then: tuple[float, float, float] | None
    now: tuple[float, float, float] | None
    change: float | None


def require_same_machine(then: Report, now: Report) -> None:
    """Raises NotComparableError that names what differs."""
    differences = [
        f"{name} {then.environment.get(name)!r} then, {now.environment.get(name)!r} now"
        for name in MACHINE
        if then.environment.get(name) != now.environment.get(name)
    ]
    if differences:
        raise NotComparableError(
            f"the baseline is of another machine: {'; '.join(differences)}. Make one here: make bench"
        )
    if then.scale != now.scale:
        raise NotComparableError(f"the baseline is of a {then.scale} run, this one is {now.scale}")


def compare(then: Report, now: Report) -> list[Change]:
    """Every figure of both runs, what got worse first; parts that were left out now are not missed."""
    before, after = by_key(then), by_key(now)
    changes = [_change(key, before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])]
    order = ("worse", "gone", "better", "new", "same")
    kept = [change for change in changes if change.verdict != "gone" or change.key.partition(".")[0] in now.parts]
    return sorted(kept, key=lambda change: order.index(change.verdict))


def _change(key: str, then: Figure | None, now: Figure | None) -> Change:
    figure = now or then
    assert figure is not None
    by_ratio = all(one is None or one.ratios for one in (then, now))
    old, new = (None if one is None else _rounds(one, by_ratio=by_ratio) for one in (then, now))
    verdict, change = _verdict(figure, old, new)
    return Change(
        key=key, title=figure.title, unit=f"times {figure.floor.name}" if by_ratio and figure.floor else figure.unit,
        verdict=verdict, then=_summed(old), now=_summed(new), change=change,
    )  # fmt: skip


def _verdict(figure: Figure, old: Sequence[float] | None, new: Sequence[float] | None) -> tuple[Verdict, float | None]:
    if old is None or new is None:
        return ("new" if old is None else "gone"), None
    change = statistics.median(new) / statistics.median(old) - 1 if statistics.median(old) else 0.0
    apart = min(new) > max(old) or max(new) < min(old)
    if not apart or abs(change) < LEAST:
        return "same", change
    return ("better" if (change > 0) == (figure.better == "higher") else "worse"), change


def _rounds(figure: Figure, *, by_ratio: bool) -> tuple[float, ...]:
    return figure.ratios if by_ratio else figure.ours.rounds


def _summed(rounds: Sequence[float] | None) -> tuple[float, float, float] | None:
    return None if rounds is None else (statistics.median(rounds), min(rounds), max(rounds))


def show(changes: Sequence[Change], then: Report) -> None:
    """Print a line for each figure, and in one sentence what got worse."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "figure", "then", "now", "change"):
        table.add_column(column, justify="left" if column in {"", "figure"} else "right", no_wrap=column != "figure")
    for one in changes:
        change = "-" if one.change is None else f"{one.change:+.0%}"
        table.add_row(one.verdict, f"{one.title}, {one.unit}", _span(one.then), _span(one.now), change)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    console.print(table)
    worse = [one.title for one in changes if one.verdict == "worse"]
    since = f"since {then.environment.get('commit')} of {then.environment.get('at')}"
    console.print(f"worse {since}: {'; '.join(worse)}" if worse else f"nothing got worse {since}", soft_wrap=True)


def _span(found: tuple[float, float, float] | None) -> str:
    if found is None:
        return "-"
    median, least, most = (f"{value:.3g}" for value in found)
    return f"{median} ({least} to {most})"
