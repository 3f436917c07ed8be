"""Tables: coloured by rich on a terminal; plain, aligned and never folded elsewhere."""

from collections.abc import Collection, Sequence

import click

from ops.cli.terminal import on_terminal

# A cell is its text, or its text and a colour that rich knows.
Cell = str | tuple[str, str]
UNBOUNDED = 10_000
STATE_COLOURS = {
    "running": "green",
    "serving": "green",
    "starting": "yellow",
    "not deployed": "yellow",
    "down": "red",
    "failed": "red",
}


def show(columns: Sequence[str], rows: Sequence[Sequence[Cell]], right: Collection[str] = ()) -> None:
    """Print a table; `right` names the columns of numbers."""
    rows = [[escaped(cell) if isinstance(cell, str) else (escaped(cell[0]), cell[1]) for cell in row] for row in rows]
    if on_terminal():
        _show_coloured(columns, rows, right)
    else:
        _show_plain(columns, rows, right)


def escaped(text: str) -> str:
    """The text in one line that a terminal obeys no part of: names of files may hold anything."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _show_coloured(columns: Sequence[str], rows: Sequence[Sequence[Cell]], right: Collection[str]) -> None:
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    for name in columns:
        # The last column takes what room is left and is folded; names, ids and numbers stay whole.
        table.add_column(
            name, justify="right" if name in right else "left", no_wrap=name != columns[-1], min_width=len(name)
        )
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else Text(cell[0], cell[1]) for cell in row))
    # Wider than the terminal rather than cut: what the terminal folds can still be read and copied.
    console = Console(highlight=False)
    least = Measurement.get(console, console.options.update(max_width=UNBOUNDED), table).minimum
    Console(highlight=False, width=max(console.width, least)).print(table)


def _show_plain(columns: Sequence[str], rows: Sequence[Sequence[Cell]], right: Collection[str]) -> None:
    lines = [list(columns), *([cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(line, widths, columns, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())
