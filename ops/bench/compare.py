"""What got worse since another run on the same machine.

A figure with a floor is compared by its ratio, since floor and figure were disturbed by the same things; another one by
its value. It is worse, or better, when all rounds of one run lie beyond all rounds of the other and the medians differ
by LEAST or more (shares by LEAST_SHARE, in themselves: a recall has no 8 % to lose): medians alone would call noise a
change, and a spread alone would not see a small one that is real. Where rounds are so few that chance alone parts them
oftener than CHANCE, nothing is said of them. What needs no statistics is worse at once: an aim that was reached and is
missed, and more errors than before.
"""

import math
import statistics
import sys
from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from ops.bench.figure import SHARE, Figure, Report, by_key

LEAST = 0.08
LEAST_SHARE = 0.01
CHANCE = 0.05
MACHINE = ("processor", "cores", "memoryGiB")
PIPED_COLUMNS = 130
Verdict = Literal["worse", "gone", "better", "few", "new", "same"]
ORDER: tuple[Verdict, ...] = ("worse", "gone", "better", "few", "new", "same")


class NotComparableError(Exception):
    """The two runs say nothing about each other; the message says why."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A figure then and now: medians with the least and most of the rounds, in multiples of the floor or in `unit`.

    `change` is a share of what was, of a share itself the difference. `why` says what its numbers do not.
    """

    key: str
    title: str
    unit: str
    verdict: Verdict
    then: tuple[float, float, float] | None
    now: tuple[float, float, float] | None
    change: float | None
    why: str = ""


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
    kept = [change for change in changes if change.verdict != "gone" or change.key.partition(".")[0] in now.parts]
    return sorted(kept, key=lambda change: ORDER.index(change.verdict))


def _change(key: str, then: Figure | None, now: Figure | None) -> Change:
    figure = now or then
    assert figure is not None
    by_ratio = all(one is None or one.ratios for one in (then, now))
    old, new = (None if one is None else _rounds(one, by_ratio=by_ratio) for one in (then, now))
    verdict, change = _verdict(figure, old, new)
    why = _broken(then, now) if then and now else ""
    return Change(
        key=key, title=figure.title, unit=f"times {figure.floor.name}" if by_ratio and figure.floor else figure.unit,
        verdict="worse" if why else verdict, then=_summed(old), now=_summed(new), change=change, why=why,
    )  # fmt: skip


def _broken(then: Figure, now: Figure) -> str:
    """What got worse whatever the rounds say; both are held against the aim of now, which may be another one."""
    was_reached = msgspec.structs.replace(then, aim=now.aim).reached
    missed = [f"misses its aim of {now.aimed}"] if was_reached and not now.reached else []
    errors = [f"{now.errors} errors where there were {then.errors}"] if now.errors > then.errors else []
    return ", ".join([*missed, *errors])


def _verdict(figure: Figure, old: Sequence[float] | None, new: Sequence[float] | None) -> tuple[Verdict, float | None]:
    if old is None or new is None:
        return ("new" if old is None else "gone"), None
    is_share = figure.unit == SHARE
    was, least = statistics.median(old), LEAST_SHARE if is_share else LEAST
    change = statistics.median(new) - was
    if not is_share:
        change = change / was if was else 0.0
    apart = min(new) > max(old) or max(new) < min(old)
    if not apart or abs(change) < least:
        return "same", change
    if chance(len(old), len(new)) > CHANCE:
        return "few", change
    return ("better" if (change > 0) == (figure.better == "higher") else "worse"), change


def chance(old: int, new: int) -> float:
    """How often so many rounds of the same thing lie all on one side of each other: three and three one time in ten."""
    return 2 / math.comb(old + new, new)


def _rounds(figure: Figure, *, by_ratio: bool) -> tuple[float, ...]:
    return figure.ratios if by_ratio else figure.ours.rounds


def _summed(rounds: Sequence[float] | None) -> tuple[float, float, float] | None:
    return None if rounds is None else (statistics.median(rounds), min(rounds), max(rounds))


def show(changes: Sequence[Change], then: Report, now: Report) -> None:
    """Print a line for each figure, and in a few sentences what got worse and of what nothing can be said."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "figure", "then", "now", "change"):
        table.add_column(column, justify="left" if column in {"", "figure"} else "right", no_wrap=column != "figure")
    for one in changes:
        change = "-" if one.change is None else f"{one.change:+.3f}" if one.unit == SHARE else f"{one.change:+.0%}"
        table.add_row(one.verdict, f"{one.title}, {one.unit}", _span(one.then), _span(one.now), change)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    console.print(table)
    for line in sentences(changes, then, now):
        console.print(line, markup=False, soft_wrap=True)


def sentences(changes: Sequence[Change], then: Report, now: Report) -> list[str]:
    """What the table comes to."""
    worse = [f"{one.title} ({one.why})" if one.why else one.title for one in changes if one.verdict == "worse"]
    since = f"since {then.environment.get('commit')} of {then.environment.get('at')}"
    lines = [f"worse {since}: {'; '.join(worse)}"] if worse else [f"nothing that was measured got worse {since}"]
    for verdict, words in (("gone", "not measured any more"), ("few", "too few rounds to say")):
        named = [one.title for one in changes if one.verdict == verdict]
        lines += [f"{words}: {'; '.join(named)}"] if named else []
    return [*lines, *(f"failed, so nothing is said of it: {part}: {why}" for part, why in now.failed.items())]


def _span(found: tuple[float, float, float] | None) -> str:
    if found is None:
        return "-"
    median, least, most = (f"{value:.3g}" for value in found)
    return f"{median} ({least} to {most})"
