"""How a rollout is told to a person: its steps on one line as they come, its outcome, a refusal in full."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ops.cli.rollout import Rollout, Steps
from ops.cli.workplace import Workplace


@contextmanager
def steps(name: str, *, quiet: bool) -> Iterator[Steps]:
    """Steps on one line of the output; the line is ended when something stops the command in its middle."""
    if quiet:
        yield Steps()
        return
    click.secho(name, bold=True, nl=False)
    try:
        yield Steps(lambda text: click.echo(text, nl=False))
    except BaseException:
        click.secho("  failed", fg="red")
        raise


def outcome(result: Rollout) -> None:
    """The end of the line."""
    if not result.ok:
        click.secho("  refused", fg="red")
        return
    before = f", before it {result.previous}" if result.previous not in {None, result.release} else ""
    click.echo(f"  {click.style('serving', fg='green')} {result.release}{before}")


def refusal(place: Workplace, result: Rollout) -> str:
    """The step, its reason, what the function logged meanwhile, and what serves now."""
    reason = (result.reason or "").splitlines() or ["no reason given"]
    lines = [f"{result.function}: {result.step} failed", *(f"  {line}" for line in reason)]
    lines.append(f"from {place.folders.logs / result.function}.log:" if result.log else "it logged nothing else")
    lines += [f"  {line}" for line in result.log]
    after = f"goes on with release {result.serving}" if result.serving else "has no release that serves"
    return "\n".join([*lines, f"{result.function} {after}"])
