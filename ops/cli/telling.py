"""How a rollout is told to a person: its steps on one line as they come, its outcome, a refusal in full."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ops.cli.rollout import Rollout, Steps
from ops.cli.tracebacks import readable
from ops.cli.workplace import Workplace

# From its first step on the host goes on by itself.
AT_THE_HOST = {"wait", "start", "smoke", "flip"}


@contextmanager
def steps(name: str, *, quiet: bool) -> Iterator[Steps]:
    """Steps on one line of the output; the line is ended when something stops the command in its middle."""
    if not quiet:
        click.secho(name, bold=True, nl=False)
    told = Steps() if quiet else Steps(lambda text: click.echo(text, nl=False))
    try:
        yield told
    except KeyboardInterrupt:
        click.echo("  interrupted" if not quiet else "", nl=not quiet)
        if {*told.seconds, told.step} & AT_THE_HOST:
            click.echo(_goes_on(name), err=True)
        raise
    except BaseException:
        if quiet:
            raise
        click.secho("  failed", fg="red")
        raise


def _goes_on(name: str) -> str:
    return (
        f"the host goes on with it, and switches {name} when it passes: `edge history {name}` says what became of it, "
        f"`edge rollback {name}` goes back"
    )


def outcome(result: Rollout) -> None:
    """The end of the line."""
    if not result.ok:
        click.secho("  refused", fg="red")
        return
    before = f", before it {result.previous}" if result.previous not in {None, result.release} else ""
    click.echo(f"  {click.style('serving', fg='green')} {result.release}{before}")
    if result.unrouted is not None:
        click.echo(f"nginx does not route {result.function} as it is now: {result.unrouted}", err=True)


def refusal(place: Workplace, result: Rollout, *, of_tree: bool = True) -> str:
    """The step, its reason, what the function logged meanwhile, and what serves now.

    `of_tree`: the release was made of the tree just now, where its paths are then said to lie.
    """
    reason = reason_of(place, result, of_tree=of_tree) or ["no reason given"]
    lines = [f"{result.function}: {result.step} failed", *(f"  {line}" for line in reason)]
    if "start" in result.milliseconds:
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
