"""`edge deploy` and `edge rollback`."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from ops.cli import rollout, telling
from ops.cli.changes import Change, read_changes, touched
from ops.cli.exits import Exit, NoHostError
from ops.cli.naming import complete_function, complete_release, find_release, require_known
from ops.cli.rollout import Rollout
from ops.cli.settings import plain_errors
from ops.cli.workplace import Workplace, json_option, open_workplace, operator, root_option
from ops.release.closure import function_names
from ops.release.departures import departures, told
from ops.release.errors import ReleaseError

FILES_SHOWN = 20


class Plan(msgspec.Struct):
    """`changes` of the functions looked at, `names` to deploy in this order, `gone` served but not in the tree.

    `removed` are in the tree and were taken away by an operator: only a deploy that names one brings it back.
    `down` have an active release, of which no worker serves. `left` are those whose tree would give a release that was
    gone back from, by name and why: only a deploy that names one, or all, brings it back.
    """

    changes: tuple[Change, ...]
    names: tuple[str, ...]
    gone: tuple[str, ...]
    removed: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    left: dict[str, str] = {}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_function)
@click.option("--all", "every", is_flag=True, help="All functions, changed or not.")
@click.option("--dry-run", is_flag=True, help="Say what would be deployed, and write nothing.")
@root_option
@json_option
def deploy(*, names: tuple[str, ...], every: bool, dry_run: bool, root: Path, as_json: bool) -> None:
    """Switch functions to what stands in the tree; without a NAME all that changed or do not serve.

    Each is released (its module and the core/ that it imports), started beside the active release, asked its smoke
    requests, and only then switched to. The first that fails ends the command, and what it had serves on. Named
    functions are deployed even when nothing changed, which gives them fresh workers, and although `edge rollback` or
    the host went back from that very release, which without a name is left alone.

    \b
    Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by the gate, 4 no host answers.

    \b
    Examples:
      edge deploy                  all that changed since the active releases
      edge deploy search           one function
      edge deploy --dry-run        which functions do my changes touch?
      edge deploy --all --json     for a script
    """
    if names and every:
        raise click.UsageError("give either names or --all")
    place = open_workplace(root)
    with plain_errors(ReleaseError, OSError):
        plan = make_plan(place, names, every=every, need_host=not dry_run)
        if not as_json:
            _show_plan(plan, dry_run=dry_run)
        if plan.names and not dry_run:
            _require_watch()
        done = [] if dry_run else _deploy(place, plan.names, as_json=as_json)
    failed = next((rollout for rollout in done if not rollout.ok), None)
    if as_json:
        click.echo(json.dumps(_as_json(plan, done, dry_run=dry_run)))
    elif failed is not None:
        click.echo(telling.refusal(place, failed), err=True)
        _show_state(plan, done)
    elif done:
        click.echo(f"{len(done)} deployed, {_seconds_alive():.2f} s after the command began")
    sys.exit(Exit.REFUSED if failed else _exit_of(done))


@click.command()
@click.argument("name", shell_complete=complete_function)
@click.argument("release", required=False, shell_complete=complete_release)
@root_option
@json_option
def rollback(*, name: str, release: str | None, root: Path, as_json: bool) -> None:
    """Go back to an earlier RELEASE of a function; without one to the last that served before and did not fail.

    Nothing is built or fetched. The release that is left counts as failed from now on: the host does not fall back to
    it by itself, and the next `edge rollback` does not return to it.

    \b
    Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by the gate, 4 no host answers.

    \b
    Examples:
      edge rollback search
      edge rollback search 3f2a        an id may be shortened; `edge history search` lists them
    """
    place = open_workplace(root)
    require_known(place, name)
    with plain_errors(ReleaseError, OSError):
        target = find_release(place, name, release).id if release else place.journal.previous(name)
        if target is None:
            raise click.ClickException(_nowhere(place, name))
        result = _go_back(place, name, target, as_json=as_json)
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
    elif not result.ok:
        click.echo(telling.refusal(place, result, of_tree=False), err=True)
    sys.exit(_exit_of([result]) if result.ok else Exit.REFUSED)


def _require_watch() -> None:
    """A release that nobody takes back is not switched to; another slip of the service levels is only told."""
    from ops.slo.levels import load, load_gate, load_rollback
    from ops.slo.slips import LevelsError

    try:
        load_rollback()
        load_gate()
    except LevelsError as error:
        click.echo(f"Error: {error}; mend it first: nobody would refuse a bad release, or take it back", err=True)
        sys.exit(Exit.REFUSED)
    try:
        load()
    except LevelsError as error:
        click.echo(f"warning: {error}; alerts and load tests cannot be made from it", err=True)


def _exit_of(done: Sequence[Rollout]) -> Exit:
    """Of rollouts that the host took: one that visitors do not reach is no success."""
    return Exit.DONE if all(result.unrouted is None for result in done) else Exit.FAILED


def _nowhere(place: Workplace, name: str) -> str:
    active = place.journal.active(name)
    if active is None:
        return f"{name} was never deployed: there is nothing to go back to"
    if {entry.release for entry in place.journal.entries(name) if entry.event == "active"} == {active}:
        return f"{name} has no release to go back to: {active} is the only one that ever served"
    return (
        f"{name} has no release to go back to: each that served before {active} failed or was collected; "
        f"`edge history {name}` lists them, and one that is named is gone back to all the same"
    )


def make_plan(place: Workplace, names: Sequence[str], *, every: bool, need_host: bool) -> Plan:
    """What to deploy; raises BadParameter for a name that is not in the tree, and NoHostError when it needs a host."""
    try:
        running = place.functions()
    except NoHostError:
        if need_host:
            raise
        running = {}
    there = function_names(place.root)
    if unknown := sorted({*names} - {*there}):
        raise click.BadParameter(f"there is no function {', '.join(unknown)} in {place.root}: {', '.join(there)}")
    active = {name: running.get(name, {}).get("release") or place.journal.active(name) for name in there}
    changes = read_changes(place, dict.fromkeys(names) or there, active)
    removed = () if names else tuple(name for name in there if place.journal.is_removed(name))
    changes = tuple(change for change in changes if change.function not in removed)
    down = tuple(change.function for change in changes if change.active and _is_down(running.get(change.function)))
    left = {} if names or every else _left(place, changes)
    wanted = tuple(
        change.function
        for change in changes
        if names or every or (change.function not in left and (change.files or change.function in down))
    )
    gone = sorted(name for name in running.keys() - {*there} if running[name]["release"] is not None)
    return Plan(changes, wanted, tuple(gone), removed, down, left)


def _left(place: Workplace, changes: Sequence[Change]) -> dict[str, str]:
    found = {change.function: departures(place.journal.entries(change.function)) for change in changes}
    return {
        change.function: f"{change.release} was {told(found[change.function][change.release])}"
        for change in changes
        if change.release in found[change.function] and change.release != change.active
    }


def _is_down(state: dict[str, Any] | None) -> bool:
    return state is not None and state["state"] in {"starting", "failed"}


def _deploy(place: Workplace, names: Sequence[str], *, as_json: bool) -> list[Rollout]:
    """Deploy in order up to the first failure, which is the last of the result."""
    done: list[Rollout] = []
    for name in names:
        with telling.steps(name, quiet=as_json) as steps:
            done.append(rollout.deploy_tree(place, name, operator("deploy"), steps))
        if not as_json:
            telling.outcome(done[-1])
        if not done[-1].ok:
            break
    return done


def _go_back(place: Workplace, name: str, target: str, *, as_json: bool) -> Rollout:
    standing = place.journal.standing(name)
    reason = f"left for {target}" if target in standing else None
    with telling.steps(name, quiet=as_json) as steps:
        result = rollout.switch(place, name, target, operator("rollback"), steps, left=reason)
    if not as_json:
        telling.outcome(result)
    return result


def _show_plan(plan: Plan, *, dry_run: bool) -> None:
    _show_files(plan)
    if new := [change.function for change in plan.changes if change.is_new]:
        click.echo(f"new      {', '.join(new)}")
    _show_exceptions(plan)
    if not plan.names:
        click.echo(f"nothing {'else ' if plan.left else ''}changed since the active releases")
    elif dry_run:
        click.echo(f"would deploy {', '.join(plan.names)}")


def _show_files(plan: Plan) -> None:
    files = touched(plan.changes)
    width = max(map(len, [*files][:FILES_SHOWN]), default=0)
    for path, names in [*files.items()][:FILES_SHOWN]:
        click.echo(f"changed  {path.ljust(width)}  touches {', '.join(names)}")
    if len(files) > FILES_SHOWN:
        click.echo(f"changed  {len(files) - FILES_SHOWN} more files (--json lists all)")


def _show_exceptions(plan: Plan) -> None:
    if plan.down:
        click.echo(f"down     {', '.join(plan.down)}: no worker serves")
    if plan.gone:
        left = ", ".join(plan.gone)
        click.echo(f"gone     {left}: no longer in the tree, still served; `edge remove NAME` takes it away")
    if plan.removed:
        click.echo(f"removed  {', '.join(plan.removed)}: not deployed; `edge deploy NAME` brings it back")
    for name, why in plan.left.items():
        click.echo(f"left     {name}: the tree's release {why}; `edge deploy {name}` deploys it all the same")


def _show_state(plan: Plan, done: Sequence[Rollout]) -> None:
    deployed = [result.function for result in done if result.ok]
    left = [name for name in plan.names if name not in deployed]
    click.echo(f"deployed: {', '.join(deployed) or 'none'}; not deployed: {', '.join(left)}", err=True)


def _as_json(plan: Plan, done: Sequence[Rollout], *, dry_run: bool) -> dict[str, Any]:
    deployed = [result for result in done if result.ok]
    finished = {result.function for result in deployed}
    return {
        "ok": len(deployed) == len(done),
        "dryRun": dry_run,
        "changed": [{"path": path, "touches": names} for path, names in touched(plan.changes).items()],
        "new": [change.function for change in plan.changes if change.is_new],
        "gone": plan.gone,
        "down": plan.down,
        "removed": plan.removed,
        "left": plan.left,
        "deployed": msgspec.to_builtins(deployed),
        "failed": next((msgspec.to_builtins(result) for result in done if not result.ok), None),
        "notDeployed": [name for name in plan.names if name not in finished],
        "seconds": round(_seconds_alive(), 3),
    }


def _seconds_alive() -> float:
    """How long this process has run, the start of Python included (proc(5): field 22 of stat)."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
