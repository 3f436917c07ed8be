"""How a rollout is told to a person: its steps on one line as they come, its outcome, a refusal in full."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ops.cli.rollout import Rollout, Steps
from ops.cli.tracebacks import readable
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


def refusal(place: Workplace, result: Rollout, *, of_tree: bool = True) -> str:
    """The step, its reason, what the function logged meanwhile, and what serves now.

    `of_tree`: the release was made of the tree just now, where its paths are then said to lie.
    """
    reason = reason_of(place, result, of_tree=of_tree) or ["no reason given"]
    lines = [f"{result.function}: {result.step} failed", *(f"  {line}" for line in reason)]
    lines.append(f"from {place.folders.logs / result.function}.log:" if result.log else "it logged nothing else")
    lines += [f"  {line}" for line in result.log]
    return "\n".join([*lines, _after(result)])


def same_refusal(result: Rollout, other: str) -> str:
    """A refusal for the reason that was told of another function."""
    return f"{result.function}: {result.step} failed as that of {other} did\n{_after(result)}"


def reason_of(place: Workplace, result: Rollout, *, of_tree: bool = True) -> list[str]:
    """The lines of the reason as a person reads them."""
    release = place.store.folder / result.function / result.release
    return readable(result.reason or "", release, place.root if of_tree else None)


def _after(result: Rollout) -> str:
    after = f"goes on with release {result.serving}" if result.serving else "has no release that serves"
    return f"{result.function} {after}"
