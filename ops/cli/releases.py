"""`edge history` and `edge diff`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from ops.cli.exits import NoHostError
from ops.cli.naming import complete_function, complete_release, find_release, require_known
from ops.cli.settings import plain_errors
from ops.cli.table import Cell, show
from ops.cli.workplace import Workplace, json_option, open_workplace, root_option
from ops.release.closure import function_names
from ops.release.diff import diff as diff_releases
from ops.release.diff import diff_tree
from ops.release.errors import ReleaseError
from ops.release.journal import Entry

EVENT_COLOURS = {"active": "blue", "failed": "red", "serving": "green"}
LINE_COLOURS = {"+++": None, "---": None, "@@": "cyan", "+": "green", "-": "red"}


@click.command()
@click.argument("name", shell_complete=complete_function)
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="At most so many events.")
@root_option
@json_option
def history(*, name: str, count: int, root: Path, as_json: bool) -> None:
    """Show what happened to the releases of a function, the newest first, and why.

    `active` is a switch to a release, `failed` one that was refused, taken back or left by a rollback, `removed` one
    that was taken away with its function, `collected` one whose files were removed. The release that was switched to
    last is marked `serving` while a host serves it.

    \b
    Examples:
      edge history search
      edge history search -n 100 --json
    """
    place = open_workplace(root)
    require_known(place, name)
    entries = place.journal.entries(name)
    kept = {release.id for release in place.store.list(name)}
    last = next((entry for entry in reversed(entries) if entry.event in {"active", "removed"}), None)
    last = last if last is not None and last.event == "active" else None
    newest = list(reversed(entries))[:count]
    if as_json:
        click.echo(json.dumps([_as_json(entry, is_last=entry is last, kept=kept) for entry in newest]))
    elif newest:
        serving = _serving(place, name)
        rows = [_row(entry, serves=entry is last and entry.release == serving) for entry in newest]
        show(("when", "event", "release", "by", "why"), rows)
    else:
        click.echo(f"{name} was never deployed")


@click.command()
@click.argument("name", shell_complete=complete_function)
@click.argument("a", required=False, metavar="[A]", shell_complete=complete_release)
@click.argument("b", required=False, metavar="[B]", shell_complete=complete_release)
@root_option
@json_option
def diff(*, name: str, a: str | None, b: str | None, root: Path, as_json: bool) -> None:
    """Show how a function's code differs between releases A and B, or between A and the tree.

    Without A, the active release is compared with the tree: what `edge deploy` would change. Requirements that differ
    come first. Exit status 0 whether or not something differs.

    \b
    Examples:
      edge diff search                   what is not deployed yet
      edge diff search 3f2a              a release against the tree
      edge diff search 3f2a 91bc         two releases
    """
    place = open_workplace(root)
    require_known(place, name)
    old = a or place.journal.active(name)
    if old is None:
        raise click.ClickException(f"{name} was never deployed: there is no release to compare with")
    before = find_release(place, name, old)
    if b is None and name not in (there := function_names(place.root)):
        raise click.BadParameter(f"{name} is not in the tree any more: give A and B; there are: {', '.join(there)}")
    with plain_errors(ReleaseError, OSError):
        after = find_release(place, name, b) if b else None
        text = diff_releases(before, after) if after else diff_tree(before, place.root)
    if as_json:
        click.echo(json.dumps({"a": before.id, "b": after.id if after else "tree", "diff": text}))
    else:
        click.echo("".join(_coloured(text.splitlines(keepends=True))), nl=False)


def _as_json(entry: Entry, *, is_last: bool, kept: set[str]) -> dict[str, Any]:
    fields = {field: msgspec.to_builtins(getattr(entry, field)) for field in entry.__struct_fields__}
    return {**fields, "isLast": is_last, "isKept": entry.release in kept}


def _serving(place: Workplace, name: str) -> str | None:
    """The release that the host serves, None while none runs."""
    try:
        release: str | None = place.functions().get(name, {}).get("release")
    except NoHostError:
        return None
    return release


def _row(entry: Entry, *, serves: bool) -> tuple[Cell, ...]:
    event = "serving" if serves else entry.event
    why = ": ".join(part for part in (entry.step, _last_line(entry.reason)) if part)
    if entry.event == "active" and entry.previous is not None:
        why = f"before it {entry.previous}"
    when = entry.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return (when, (event, EVENT_COLOURS.get(event, "")), entry.release or "-", entry.by, why)


def _last_line(reason: str | None) -> str:
    """The line of a traceback that says what went wrong."""
    return next(reversed((reason or "").strip().splitlines()), "")


def _coloured(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        colour = next((colour for start, colour in LINE_COLOURS.items() if line.startswith(start)), None)
        yield click.style(line, fg=colour) if colour else line
