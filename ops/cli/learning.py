"""How an import is told to a person and to a script: its progress, what it waits for, what became of it."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import click

from ops.cli.remaining import Pace, shown
from ops.cli.table import escaped
from ops.importing.report import Report
from ops.importing.run import Import

REFRESH_S = 0.2
LINE_S = 10.0
MOST_SHOWN = 50
PAGES_NAMED = 20


class Telling:
    """Shows the rounds of an import: a bar on a terminal, a line for each round, or one JSON object."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._bar = sys.stderr.isatty()

    def waits(self, reason: str | None) -> None:
        """Say what the import waits for, and when it goes on."""
        click.echo("going on" if reason is None else f"waiting: {reason}", err=True)

    def tries_again(self, after_s: float) -> None:
        """Say when a watched folder is imported again, after a round that was stopped."""
        click.echo(f"trying again in {after_s:.0f} s", err=True)

    async def round(self, work: Import, files: Sequence[Path]) -> Report:
        """Run one import and show it."""
        showing = asyncio.create_task((_show_bar if self._bar else _show_lines)(work))
        try:
            return await work.run(files)
        finally:
            showing.cancel()
            with suppress(asyncio.CancelledError):
                await showing
            self.tell(work.report)

    def tell(self, report: Report) -> None:
        """What became of the documents: the sum on standard output, each failure on standard error."""
        if self._as_json:
            import json

            click.echo(json.dumps(plain(report), ensure_ascii=False))
            return
        for failure in report.failed[:MOST_SHOWN]:
            where = f", {failure.where}" if failure.where else ""
            click.echo(
                f"{click.style('failed', fg='red')}  {escaped(failure.file + where)}: {failure.reason}", err=True
            )
        if report.failures > MOST_SHOWN:
            click.echo(f"and {report.failures - MOST_SHOWN} more: --json lists them", err=True)
        for lost in report.lost_pages[:MOST_SHOWN]:
            click.echo(f"{click.style('lost', fg='yellow')}  {escaped(lost.file)}: {lost_pages(lost.pages)}", err=True)
        for shop_id, documents in list(report.kept.items())[:MOST_SHOWN]:
            click.echo(f"{click.style('kept', fg='yellow')}  {kept(shop_id, documents)}", err=True)
        click.echo(summary(report))
        if report.stopped:
            click.echo(f"stopped: {report.stopped}; the same command goes on from here", err=True)


def kept(shop_id: int, documents: int) -> str:
    """What was not pruned, and how it can be."""
    return (
        f"shop {shop_id} goes on answering from {documents} documents: nothing was found for it any more. Unless the"
        f" files are only away, `edge knowledge forget --shop {shop_id} FILE…` forgets what came from them"
    )


def lost_pages(pages: Sequence[int]) -> str:
    """Which pages were left out, and why."""
    named = ", ".join(map(str, pages[:PAGES_NAMED]))
    more = f" and {len(pages) - PAGES_NAMED} more" if len(pages) > PAGES_NAMED else ""
    return f"no text stands on page {named}{more}: a scan, most often, which is to be made into text first"


def summary(report: Report) -> str:
    """One line."""
    parts = [f"{report.imported} imported ({report.passages} passages)", f"{report.unchanged} unchanged"]
    if report.forgotten:
        parts.append(f"{report.forgotten} forgotten")
    parts.append(f"{report.failures} failed")
    if report.skipped:
        endings = ", ".join(escaped(ending) or "no ending" for ending in sorted(report.skipped))
        parts.append(f"{sum(report.skipped.values())} files skipped ({endings})")
    return f"{', '.join(parts)}, in {report.seconds:.1f} s"


def plain(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    return {
        "imported": report.imported,
        "unchanged": report.unchanged,
        "forgotten": report.forgotten,
        "kept": [{"shop": shop_id, "documents": documents} for shop_id, documents in report.kept.items()],
        "passages": report.passages,
        "shops": len(report.shops),
        "files": report.files,
        "failures": report.failures,
        "skipped": report.skipped,
        "failed": [{"file": one.file, "where": one.where, "reason": one.reason} for one in report.failed],
        "lostPages": [{"file": lost.file, "pages": lost.pages} for lost in report.lost_pages],
        "stopped": report.stopped,
        "seconds": round(report.seconds, 3),
    }


async def _show_bar(work: Import) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}"))
    pace = Pace(monotonic())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", left="")
        while True:
            report, left = work.report, shown(pace.left_s(monotonic(), work.report))
            total = report.total_bytes or None
            progress.update(task, description=counts(report), total=total, completed=report.read_bytes, left=left)
            await asyncio.sleep(REFRESH_S)


async def _show_lines(work: Import) -> None:
    pace = Pace(monotonic())
    while True:
        await asyncio.sleep(LINE_S)
        report, left = work.report, shown(pace.left_s(monotonic(), work.report))
        share = f"{report.read_bytes / report.total_bytes:.0%} read, " if report.total_bytes else ""
        click.echo(f"{share}{counts(report)}{', ' if left else ''}{left}", err=True)


def counts(report: Report) -> str:
    """How far it is."""
    return f"{report.imported} imported, {report.unchanged} unchanged, {report.failures} failed"
