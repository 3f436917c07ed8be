"""`edge calibrate`: measure again what the model's scores are worth, and store it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ops.cli.settings import plain_errors, read_settings
from ops.cli.table import show
from ops.cli.workplace import json_option

if TYPE_CHECKING:
    from ops.evaluation.calibration import Fitness, Report


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to draw the curve (SVG).")
@click.option("--dry-run", is_flag=True, help="Measure and draw, but store nothing.")
@json_option
def calibrate(*, output: Path | None, dry_run: bool, as_json: bool) -> None:
    """Measure what the scores of the embedding model in use are worth, and store it with the model's digest.

    Asks the questions of invented shops (core/retrieval/calibration), of which it is known which passage answers
    them, if any, through the real search, and fits the curve from score to probability: `similarity`. Where it is .5
    is the default threshold. Running functions take it up within half a minute. Needs nothing that runs.

    \b
    Examples:
      edge calibrate
      edge calibrate --dry-run --json
      edge calibrate --output curve.svg
    """
    import uvloop

    from core.db.migrate import MigrationError
    from core.retrieval.worth import USABLE_WORTH, is_poor
    from ops.evaluation.calibration import recalibrate
    from ops.evaluation.curve import drawing
    from ops.stack.borrowed import database_settings, model_settings
    from ops.stack.instance import InstanceError
    from ops.stack.postgres import PostgresError

    settings = read_settings()
    with (
        plain_errors(PostgresError, InstanceError, MigrationError, ValueError, OSError),
        database_settings(settings) as stored,
        model_settings(stored) as reachable,
    ):
        report, marks = uvloop.run(recalibrate(reachable, keep=not dry_run))
        path = output or settings.home / "calibration" / f"{report.digest}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(drawing(f"{report.model} {report.digest[:12]}", marks, report.before, report.after))
    if is_poor(report.worth):
        reach = f"worth {report.worth:.3f}, where a model of any use reaches {USABLE_WORTH:.2f}"
        click.echo(f"Warning: {report.model} finds badly: {reach}.", err=True)
    if as_json:
        click.echo(json.dumps(_plain(report, path)))
    else:
        _tell(report, path)


def _plain(report: "Report", path: Path) -> dict[str, object]:
    import msgspec

    return {**msgspec.to_builtins(report), "curve": str(path)}


def _tell(report: "Report", path: Path) -> None:
    click.echo(
        f"{report.model} {report.digest[:12]}: {report.questions} questions, {report.answered} answered rightly,"
        f" AUROC {report.auroc:.3f}, worth {report.worth:.3f}"
    )
    rows = [
        [f"before ({report.origin})", *_cells(report.before.midpoint, report.before.scale, report.before_fitness)],
        ["now", *_cells(report.after.midpoint, report.after.scale, report.after_fitness)],
        ["a shop not measured", "", "", *_cells(0, 0, report.held_out)[2:]],
    ]
    columns = ["", "midpoint", "scale", "log loss", "Brier", "right at .5"]
    show(columns, rows, frozenset(columns[1:]))
    click.echo("stored" if report.stored else "not stored")
    click.echo(f"curve: {path}")


def _cells(midpoint: float, scale: float, fitness: "Fitness") -> list[str]:
    figures = (midpoint, scale, fitness.log_loss, fitness.brier, fitness.right)
    return [f"{figure:.3f}" for figure in figures]
