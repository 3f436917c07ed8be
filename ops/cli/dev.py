"""`edge dev`: while you edit, each save is deployed by the same path as `edge deploy`."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
import msgspec

from ops.cli import telling
from ops.cli.exits import Exit, NoHostError
from ops.cli.rollout import Rollout, deploy_tree
from ops.cli.tracebacks import cause
from ops.cli.watching import Tree
from ops.cli.workplace import Workplace, json_option, open_workplace, operator, root_option
from ops.lifeline import die_with_parent
from ops.release.closure import function_names, touched_by
from ops.release.departures import departures, told
from ops.release.errors import ReleaseError
from ops.release.snapshot import preview

POLL_S = 0.15
SETTLED_S = 0.03
UP_TIMEOUT_S = 180.0


@click.command()
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this one ends.")
@root_option
@json_option
def dev(*, with_parent: bool, root: Path, as_json: bool) -> None:
    """Watch functions/ and core/, and deploy what a save touches, in under a second.

    Attaches to the stack that runs in EDGE_HOME, or starts one, which then ends with this command. A save that does not
    pass the gate is shown and changes nothing: what served before serves on. With --json one object a rollout.

    \b
    Examples:
      edge dev
      edge logs search -f              in another terminal
    """
    if with_parent:
        die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, _interrupt)
    place = open_workplace(root)
    try:
        with _stack(place, as_json=as_json) as is_up:
            session = Session(place, as_json=as_json)
            while is_up():
                session.look()
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        return
    click.echo("the stack ended", err=True)
    sys.exit(Exit.FAILED)


class Session:
    """Deploys what changed. What could not be asked of the host, since it was away, is asked again."""

    def __init__(self, place: Workplace, *, as_json: bool) -> None:
        self._place = place
        self._as_json = as_json
        self._tree = Tree(place.root)
        self._pending = set(function_names(place.root))  # what was edited before is deployed first
        self._is_waiting = False
        self._told: dict[tuple[str, ...], str] = {}
        self._say(f"watching {place.root}/functions and core; Ctrl-C ends")

    def look(self) -> None:
        """Deploy what was saved since the last look."""
        if changed := self._settled():
            touched = self._touched(changed)
            self._pending |= {*touched}
            self._say(f"{', '.join(map(str, changed))}: {', '.join(touched) or 'touches no function'}")
        if self._pending:
            self._deploy(self._tree.saved_at(changed))

    def _touched(self, changed: tuple[Path, ...]) -> tuple[str, ...]:
        try:
            return touched_by(self._place.root, changed)
        except (ReleaseError, OSError):  # a file went while it was read; what did not change is left alone anyway
            return function_names(self._place.root)

    def _settled(self) -> tuple[Path, ...]:
        """What changed, once an editor that writes in several steps is done with it."""
        changed = fresh = self._tree.changed()
        while fresh:
            time.sleep(SETTLED_S)
            fresh = self._tree.changed()
            changed = tuple(sorted({*changed, *fresh}))
        return changed

    def _deploy(self, saved_at: float | None) -> None:
        try:
            running = self._place.functions()
            self._is_waiting = False
            self._told.clear()
            for name in sorted(self._pending & {*function_names(self._place.root)}):
                self._deploy_one(name, running.get(name, {}).get("release"), saved_at)
                self._pending.discard(name)
            self._pending.clear()
        except NoHostError as error:
            if not self._is_waiting:
                click.echo(f"{error.message}; waiting for it", err=True)
            self._is_waiting = True

    def _deploy_one(self, name: str, active: str | None, saved_at: float | None) -> None:
        place = self._place
        try:
            release = preview(place.root, name, place.store)
            if release == active:
                if saved_at is not None:
                    self._say(f"{name} is as it is served already")
                return
            left = departures(place.journal.entries(name)).get(release)
            if left is not None and saved_at is None:  # nothing was saved since somebody went back from it
                self._say(
                    f"{name}: the tree's release {release} was {told(left)}; a save or `edge deploy {name}` deploys it"
                )
                return
            with telling.steps(name, quiet=self._as_json) as steps:
                result = deploy_tree(place, name, operator("dev"), steps)
        except NoHostError:
            raise
        except (ReleaseError, click.ClickException, OSError) as error:
            click.echo(f"{name}: {error}", err=True)
            return
        if self._as_json:
            click.echo(msgspec.json.encode(result))
            return
        telling.outcome(result)
        if not result.ok:
            self._refused(result)
        elif saved_at is not None:
            click.echo(f"{name} is new {time.time() - saved_at:.2f} s after the save")

    def _refused(self, result: Rollout) -> None:
        """Tell of a refusal; what a save of core/ breaks in each function is told in full once."""
        told = (str(result.step), *cause(telling.reason_of(self._place, result)))
        if (other := self._told.setdefault(told, result.function)) != result.function:
            click.echo(telling.same_refusal(result, other), err=True)
        else:
            click.echo(telling.refusal(self._place, result), err=True)

    def _say(self, line: str) -> None:
        if not self._as_json:
            click.secho(line, dim=True)


@contextmanager
def _stack(place: Workplace, *, as_json: bool) -> Iterator[Callable[[], bool]]:
    """Tells whether the stack of EDGE_HOME is up: the one that runs, or one of our own, stopped at the end."""
    if place.folders.owner_pid() is not None:
        _wait_up(place, None)
        yield lambda: place.folders.told() is not None
        return
    command = [sys.executable, "-m", "ops.cli", "up", "--with-parent"]
    # A session of its own: Ctrl-C reaches this process, which then ends it in its own time.
    started = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    forward = threading.Thread(target=_forward, args=(started, as_json), daemon=True)
    forward.start()
    try:
        _wait_up(place, started)
        yield lambda: started.poll() is None
    finally:
        started.terminate()
        for signum in (signal.SIGINT, signal.SIGTERM):  # a second one cuts what it waits for
            signal.signal(signum, lambda *_: started.terminate())
        started.wait()
        forward.join()


def _wait_up(place: Workplace, started: subprocess.Popen[str] | None) -> None:
    deadline = time.monotonic() + UP_TIMEOUT_S
    while place.folders.told() is None:  # it tells once everything serves
        if started is not None and started.poll() is not None:
            raise click.ClickException("the stack did not start; its reason is above")
        if time.monotonic() > deadline:
            raise click.ClickException(f"the stack in {place.folders.home} is not up after {UP_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def _forward(started: subprocess.Popen[str], to_error: bool) -> None:  # noqa: FBT001 - a thread's argument
    assert started.stdout is not None
    for line in started.stdout:
        click.echo(line, nl=False, err=to_error)


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
