"""What a benchmark prints: tables for people, or one JSON object."""

import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from ops.bench import environment

PIPED_COLUMNS = 130
Cell = str | int | float | None


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One table: `how` says under which conditions, warm-up and concurrency among them."""

    title: str
    how: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def show(sections: Sequence[Section], where: dict[str, Any], *, as_json: bool) -> None:
    """Print all sections and what machine and versions they are of."""
    if as_json:
        report = {"environment": where, "sections": [_plain(section) for section in sections]}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    for section in sections:
        console.print(f"\n{section.title}", style="bold", markup=False)
        console.print(section.how, markup=False, soft_wrap=True)
        console.print(_table(section))
    console.print()
    for line in environment.lines(where):
        console.print(line, markup=False, soft_wrap=True)


def _plain(section: Section) -> dict[str, Any]:
    rows = [dict(zip(section.columns, row, strict=True)) for row in section.rows]
    return {"title": section.title, "how": section.how, "rows": rows}


def _table(section: Section) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(section.columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    for row in section.rows:
        table.add_row(*("-" if cell is None else str(cell) for cell in row))
    return table
