"""One function to one release: through the host, step by step, and what is to be told of it."""

import time
from collections.abc import Callable
from typing import Any

import click
import msgspec

from ops.cli.supervising import wait_routed
from ops.cli.workplace import Workplace
from ops.release.errors import ReleaseError
from ops.release.snapshot import snapshot

# Each silence of the host: it starts a worker in at most 30 s, and may be busy with another deploy of the function.
SILENCE_S = 120.0
Say = Callable[[str], None]


def silent(_: str) -> None:
    """Nobody is told of the steps."""


class Steps:
    """Measures the steps of a rollout, and says each when it begins and how long it took when it ends."""

    def __init__(self, say: Say = silent) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say
        self.step: str | None = None
        self._since = 0.0

    def begin(self, step: str) -> None:
        """End the step before, and begin one."""
        self.end()
        self.step, self._since = step, time.perf_counter()
        self._say(f"  {step}")

    def end(self) -> None:
        """End the step that goes on, if one does."""
        if self.step is not None:
            spent = self.seconds[self.step] = time.perf_counter() - self._since
            self.step = None
            self._say(f" {spent * 1000:.0f} ms")


class Rollout(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of it. `serving` is the release that serves afterwards, `unrouted` why nginx does not route it yet.

    The rest tells of a refusal; `log` is empty when no worker was started.
    """

    function: str
    release: str
    previous: str | None
    ok: bool
    serving: str | None
    milliseconds: dict[str, float]
    step: str | None = None
    reason: str | None = None
    log: list[str] = []
    unrouted: str | None = None


def deploy_tree(place: Workplace, name: str, by: str, steps: Steps) -> Rollout:
    """Release the function as it stands in the tree and switch to it; raises ClickException and ReleaseError."""
    steps.begin("snapshot")
    release = snapshot(place.root, name, place.store)
    steps.end()
    return switch(place, name, release.id, by, steps)


def switch(  # noqa: PLR0913 - what a switch concerns
    place: Workplace, name: str, release: str, by: str, steps: Steps, *, left: str | None = None
) -> Rollout:
    """Switch the function to a release that is on the disk; returns when visitors meet it. Collects old releases.

    `left` is why the active one is not to be gone back to.
    """
    before, previous = place.functions().get(name) or {}, place.journal.active(name)
    request = {"op": "deploy", "name": name, "release": release, "by": by, "left": left}
    answer = place.ask(request, timeout_s=SILENCE_S, progress=lambda message: steps.begin(message["step"]))
    steps.end()
    # Without a state it was not tried, as while the host is being upgraded: what served serves on.
    ok, state, unrouted = bool(answer.get("ok")), answer.get("state") or before, None
    if ok:
        collect(place, name, state)
        if state["manifest"] != before.get("manifest"):
            unrouted = wait_routed(place)
    return Rollout(
        function=name,
        release=release,
        previous=previous,
        ok=ok,
        serving=state.get("release"),
        milliseconds={step: round(seconds * 1000, 1) for step, seconds in steps.seconds.items()},
        step=answer.get("step"),
        reason=answer.get("reason"),
        log=answer.get("log") or [],
        unrouted=unrouted,
    )


def collect(place: Workplace, name: str, state: dict[str, Any]) -> None:
    """Remove old releases, but none that serves, may be gone back to, or still answers; a failure is only said."""
    kept = place.settings.releases_kept
    wanted = {place.journal.active(name), place.journal.previous(name), state.get("release"), *state["draining"]}
    wanted |= {*place.journal.standing(name)[:kept]}  # which those that were refused must not push out
    protected = {release for release in wanted if release is not None}
    try:
        # Journaled first: a release that is gone must not be one that the host would fall back to.
        for release in place.store.list(name)[kept:]:
            if release.id not in protected:
                place.journal.append(name, "collected", by="edge", release=release.id)
        place.store.collect(name, kept, protected)
    except (OSError, ReleaseError) as error:
        click.echo(f"old releases of {name} were not collected: {error}", err=True)
