"""A report as people read it: on a terminal, and as a page with pictures."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from ops.bench import drawing
from ops.bench.figure import Figure, Report, plain
from ops.bench.latency import Latency
from ops.stack import environment

NAME = "bench"
PIPED_COLUMNS = 170
WHAT_WIDTH, FLOOR_WIDTH = 52, 26
COLUMNS = ("what", "measured", "floor", "ratio", "rounds", "by processor time", "aim", "p50 / p95 / p99 ms", "errors")
HEAD = """# What it costs, each figure beside its floor

Made by `make bench`; do not edit. A value is the median of its rounds, the ratio the median of the rounds' ratios,
with its least and most. Both sides of a round follow each other, and the next round begins with the other side;
memory alone is read of one side after the other, and a stack can only be up again after it was up. "By processor
time" is the floor's time on a core for each request as a share of ours, all processes and the load generator
included: what else the machine does moves it less than it moves the clock. Quantiles are of all requests of all
rounds; a p95 takes 20 of them, a p99 100. Answers that end within a round's seconds make its rate, requests sent
within them its times.

"""


def show(report: Report) -> None:
    """Print the table and what machine and versions it is of."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    table = Table(box=None, pad_edge=False)
    wraps = {"what": WHAT_WIDTH, "floor": FLOOR_WIDTH, "by processor time": 9}
    for column in COLUMNS:
        justify: Literal["left", "right"] = "left" if column == "what" else "right"
        table.add_column(column, justify=justify, no_wrap=column not in wraps, max_width=wraps.get(column))
    for figure in report.figures:
        table.add_row(*(cell.replace("**", "") for cell in row(figure)))
    console.print(table)
    for line in _ending(report):
        console.print(line, markup=False, soft_wrap=True)


def write(report: Report, folder: Path) -> Path:
    """Leave the page, its pictures and the whole report as JSON in a folder; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = dict(_pictures(report))
    for name, text in pictures.items():
        (folder / name).write_text(text, "utf-8")
    (folder / f"{NAME}.json").write_bytes(msgspec.json.format(msgspec.json.encode(plain(report))) + b"\n")
    page = folder / f"{NAME}.md"
    page.write_text(markdown(report, list(pictures)), "utf-8")
    return page


def markdown(report: Report, pictures: list[str]) -> str:
    """The page."""
    lines = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(row(figure))} |" for figure in report.figures]
    notes = [f"- {figure.title}: {figure.note}." for figure in report.figures if figure.note]
    shown = [f"![{name}]({name})" for name in pictures]
    machine = [f"- {line}" for line in _ending(report)]
    blocks = (lines, machine, notes, shown)
    return HEAD + "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def row(figure: Figure) -> tuple[str, ...]:
    """One line of the table."""
    floor = figure.floor
    verdict = {None: "", True: " reached", False: " **missed**"}[figure.reached]
    return (
        figure.title,
        f"{drawing.digits(figure.ours.median)} {figure.unit}",
        "-" if floor is None else f"{drawing.digits(floor.median)} ({floor.name})",
        "-" if figure.ratio is None else _span(figure.ratio, figure.ratios),
        str(len(figure.ours.rounds)),
        "-" if figure.cpu_ratio is None else f"{figure.cpu_ratio:.2f}",
        "-" if figure.aimed is None else f"{figure.aimed}{verdict}",
        _quantiles(figure.ours.latency),
        str(figure.errors),
    )


def _span(median: float, values: tuple[float, ...]) -> str:
    return f"{median:.2f} ({min(values):.2f} to {max(values):.2f})"


def _quantiles(latency: Latency | None) -> str:
    return "-" if latency is None or not latency.count else latency.words


def _ending(report: Report) -> list[str]:
    failed = [f"failed    {part}: {reason}" for part, reason in report.failed.items()]
    return [*environment.lines(report.environment), f"took      {report.took_s:.0f} s, {report.scale}", *failed]


def _pictures(report: Report) -> Iterator[tuple[str, str]]:
    """Name and text of each picture that there are figures for."""
    aimed = [
        (figure.title, found, figure.aim.limit)
        for figure in report.figures
        if figure.aim is not None and figure.aim.of == "ratio" and (found := figure.ratio) is not None
    ]
    if aimed:
        yield f"{NAME}-ratios.svg", drawing.marks("Ratios to the floor, and their aims", aimed, "times")
    spent = {
        side.name: side.cpu_us
        for figure in report.figures
        if figure.key.startswith("search.") and figure.better == "higher"
        for side in (figure.ours, figure.floor)
        if side is not None and side.cpu_us
    }
    if spent:
        rows = sorted(spent.items(), key=lambda row: sum(row[1].values()))
        yield f"{NAME}-processor.svg", drawing.bars("Time on a core for each request", rows, "µs")
    yield from _ladder(report)


def _ladder(report: Report) -> Iterator[tuple[str, str]]:
    rungs = [figure for figure in report.figures if figure.key.startswith("database.") and figure.floor is not None]
    series: dict[str, list[tuple[float, float]]] = {}
    for figure in rungs:
        passages = float(figure.key.split(".")[1])
        for side in (figure.ours, figure.floor):
            if side is not None:
                series.setdefault(side.name, []).append((passages, side.median))
    if len(rungs) > 1:
        title = "Database part of a search, all shops together"
        yield f"{NAME}-database.svg", drawing.curves(title, "passages", "ms", series)
