"""`edge eval`: measure the search on a folder of judged questions."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.cli.settings import plain_errors, read_settings
from ops.cli.table import show
from ops.cli.workplace import json_option

if TYPE_CHECKING:
    from ops.evaluation.folder import Collection
    from ops.evaluation.measures import Worth
    from ops.evaluation.run import Begin, Outcome

EXPLAINED = 10
EVERY_S = 10.0


@click.command("eval")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--tenant-field", help="The field of documents and queries that names the shop; without it all are one.")
@click.option("--limit-queries", type=click.IntRange(1), help="Ask so many queries, spread evenly over the file.")
@click.option("--slips", type=click.FloatRange(0, 1), default=0.0, help="Misspell this share of the questions' words.")
@click.option("--explain", is_flag=True, help=f"Show the {EXPLAINED} worst queries and why each passage was found.")
@json_option
def eval_(  # noqa: PLR0913 - the options
    *, folder: Path, tenant_field: str | None, limit_queries: int | None, slips: float, explain: bool, as_json: bool
) -> None:
    """Measure the search on FOLDER (corpus.jsonl, queries.jsonl, qrels.jsonl) beside BM25 and vectors alone.

    Needs nothing that runs: the collection is loaded into a database of its own, which is kept for the next time. A
    query with `"answerable": false`, or that no qrel names, should find nothing; AUROC tells how well the best
    similarity says so. A query without the tenant's field is asked of a shop that is drawn by its id.

    \b
    Examples:
      edge eval collections/faq
      edge eval collections/faq --tenant-field tenant --json
      edge eval collections/faq --limit-queries 200 --explain
      edge eval collections/faq --slips .3
    """
    from ops.evaluation.folder import FolderError, read_folder

    started = time.monotonic()
    settings = read_settings()
    with plain_errors(FolderError):
        collection = read_folder(folder, tenant_field)
    for warning in collection.warnings:
        click.echo(f"warning: {warning}", err=True)
    collection = _misspelt(_limited(collection, limit_queries), slips)
    with plain_errors(*_operator_errors()):
        outcome = _run(settings, collection, EXPLAINED if explain else 0)
    seconds = time.monotonic() - started
    if as_json:
        click.echo(json.dumps(_plain(outcome, collection, seconds, explain=explain)))
    else:
        _tell(outcome, collection, seconds)


def _operator_errors() -> tuple[type[Exception], ...]:
    from core.db.migrate import MigrationError
    from ops.stack.instance import InstanceError
    from ops.stack.postgres import PostgresError

    return (PostgresError, InstanceError, MigrationError, ValueError)


def _run(settings: Any, collection: "Collection", explained: int) -> "Outcome":
    import uvloop

    from ops.evaluation.run import evaluate
    from ops.stack.borrowed import model_settings

    with model_settings(settings) as reachable, _progress() as begin:
        return uvloop.run(evaluate(reachable, collection, begin, explained))


def _limited(collection: "Collection", count: int | None) -> "Collection":
    import msgspec

    total = len(collection.queries)
    if count is None or count >= total:
        return collection
    kept = [collection.queries[place * total // count] for place in range(count)]
    return msgspec.structs.replace(collection, queries=kept)


def _misspelt(collection: "Collection", share: float) -> "Collection":
    import msgspec

    from ops.evaluation.slips import with_slips

    return msgspec.structs.replace(collection, queries=with_slips(collection.queries, share)) if share else collection


@contextmanager
def _progress() -> Iterator["Begin"]:
    """Bars on a terminal's standard error, a line now and then elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield _Lines
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:

        def begin(name: str, total: int) -> Any:
            task = bars.add_task(name, total=total)
            return lambda count: bars.advance(task, count)

        yield begin


class _Lines:
    """Progress where no person looks: one line every EVERY_S."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0
        self._said_at = time.monotonic()

    def __call__(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._said_at > EVERY_S:
            self._said_at = time.monotonic()
            click.echo(f"{self._name} {self._done} of {self._total}", err=True)


def _measures(worth: "Worth") -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in worth.means.items()}


def _intervals(worth: "Worth") -> dict[str, list[float] | None]:
    return {name: None if pair is None else [round(end, 4) for end in pair] for name, pair in worth.intervals.items()}


def _plain(outcome: "Outcome", collection: "Collection", seconds: float, *, explain: bool) -> dict[str, Any]:
    import msgspec

    plain = {
        "queries": len(collection.queries),
        **_measures(outcome.ours),
        "bm25": _measures(outcome.bm25),
        "vector": _measures(outcome.vector),
        "model": outcome.model.name,
        "seconds": round(seconds, 1),
        "documents": len(collection.documents),
        "judged": len(collection.judged),
        "digest": outcome.model.digest,
        "intervals": {
            "search": _intervals(outcome.ours),
            "bm25": _intervals(outcome.bm25),
            "vector": _intervals(outcome.vector),
        },
        "warnings": collection.warnings,
    }
    return plain | ({"worst": msgspec.to_builtins(outcome.worst)} if explain else {})


def _tell(outcome: "Outcome", collection: "Collection", seconds: float) -> None:
    from core.db.search import COVERAGE_WEIGHT

    click.echo(
        f"{len(collection.documents)} documents, {len(collection.queries)} queries"
        f" ({len(collection.judged)} judged), {outcome.model.name}, {seconds:.0f} s"
    )
    names = list(outcome.ours.means)
    rows = [
        [title, *(_cell(worth, name) for name in names)]
        for title, worth in (("search", outcome.ours), ("bm25", outcome.bm25), ("vectors alone", outcome.vector))
    ]
    show(["", *names], rows)
    for worst in outcome.worst:
        click.echo(f"\n{worst.query}  nDCG@10 {worst.ndcg:.3f}  {worst.text}")
        for found in worst.found:
            cosine = "-" if found.cosine is None else f"{found.cosine:.3f}"
            parts = f"cosine {cosine} + {COVERAGE_WEIGHT:g} * words {found.coverage:.3f}"
            parts += f" + codes {found.codes:.3f}" if found.codes else ""
            click.echo(
                f"  {'*' if found.relevant else ' '} {found.rank:>3}  {found.score:.3f} = {parts}"
                f" ({' '.join(found.words) or '-'})  {found.document}: {found.text}"
            )
        for document in worst.missing:
            click.echo(f"  *   -  not among what was found: {document}")


def _cell(worth: "Worth", name: str) -> str:
    value, interval = worth.means[name], worth.intervals[name]
    if value is None or interval is None:
        return "-"
    return f"{value:.3f} ({interval[0]:.3f}-{interval[1]:.3f})"
