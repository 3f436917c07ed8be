"""Names and ids on the command line: checked when given, completed by the shell."""

from contextlib import suppress
from typing import Any

import click

from ops.cli.workplace import ROOT, Workplace, open_workplace
from ops.release.closure import function_names
from ops.release.errors import ReleaseError
from ops.release.store import Release


def known_functions(place: Workplace) -> list[str]:
    """Functions of the tree and those that were ever deployed, sorted."""
    return sorted({*function_names(place.root), *place.journal.names()})


def require_known(place: Workplace, name: str) -> None:
    """Raise BadParameter, with what there is, for a name that is no function's."""
    if name not in (known := known_functions(place)):
        raise click.BadParameter(f"there is no function {name!r}; there are: {', '.join(known) or 'none'}")


def find_release(place: Workplace, name: str, prefix: str) -> Release:
    """The release whose id begins with `prefix`; raises BadParameter that lists what there is."""
    try:
        return place.store.get(name, prefix)
    except ReleaseError as error:
        raise click.BadParameter(str(error)) from error


def complete_function(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of functions that begin so and are not on the line yet."""
    given = ctx.params.get("names") or ()
    return [name for name in known_functions(_place(ctx)) if name.startswith(incomplete) and name not in given]


def complete_release(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
    """Ids of the function's releases, the newest first, each with when it was made."""
    from click.shell_completion import CompletionItem

    with suppress(ReleaseError):
        releases = _place(ctx).store.list(ctx.params.get("name") or "")
        return [
            CompletionItem(release.id, help=f"{release.created_at:%Y-%m-%d %H:%M:%S}")
            for release in releases
            if release.id.startswith(incomplete)
        ]
    return []


def _place(ctx: click.Context) -> Workplace:
    return open_workplace(ctx.params.get("root") or ROOT)
