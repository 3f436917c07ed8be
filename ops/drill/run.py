"""The drill itself: deploys one step of the plan after another under traffic, then lets the same traffic go alone."""

import http.client
import time
from collections.abc import Callable
from contextlib import closing

import msgspec

from ops.drill import ledger
from ops.drill.ledger import Writes
from ops.drill.releases import Expected, Step, brief_plan, plan
from ops.drill.stage import Deployed, Stage, StageError
from ops.drill.tally import Load, Result
from ops.drill.traffic import Traffic
from ops.stack.parts import ROOT

MIX = ("write", "kept", "kept", "fresh", "kept", "write", "kept", "fresh", "kept", "kept")
LYING = "plain-lying"
ANSWER_PATIENCE_S = 10.0
IDS_A_RUN = 1 << 30
BRIEF_SHARE = 4  # of a brief drill's time, spent without deploys
Say = Callable[[str], None]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line gives."""

    requests: int
    rate: float
    streams: int
    stream_s: float
    slow_import_s: float
    watch_scale: float
    brief: bool
    kill_host: bool


class DeployRow(msgspec.Struct, frozen=True, kw_only=True):
    """One deploy. `new_code_s`: from the start of the command to the first answer of its code through nginx.

    `built` are releases that it left in the store and that were not there before.
    `as_expected`: served, refused at the step that its fault belongs to, or taken back.
    """

    function: str
    kind: str
    expected: str
    as_expected: bool
    took_s: float
    built: int
    new_code_s: float | None = None
    step: str | None = None
    reason: str | None = None


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured: traffic with deploys, and without."""

    deploys: tuple[DeployRow, ...]
    under_deploys: Result
    writes: Writes
    undisturbed: Result
    undisturbed_writes: Writes
    host_kills: int
    host_upgrades: int


class Drill:
    """Runs on a stage that stands."""

    def __init__(self, stage: Stage, options: Options, say: Say) -> None:
        self._stage = stage
        self._options = options
        self._say = say
        self._traffic: Traffic
        self._runs = 0
        self._labels = 0
        self._host_kills = self._host_upgrades = 0
        self._rows: list[DeployRow] = []
        # Sound releases of each function, the last one last, to roll back to.
        self._served: dict[str, list[str]] = {}

    def run(self) -> Drilled:
        """The whole drill; raises StageError when the drill itself fails."""
        under, writes = self._under_traffic(self._deploy_all)
        seconds = under.seconds / (BRIEF_SHARE if self._options.brief else 1)
        self._say(f"the same traffic for {seconds:.0f} s, without deploys")
        calm, calm_writes = self._under_traffic(lambda: None, seconds=seconds)
        return Drilled(
            deploys=tuple(self._rows),
            under_deploys=under,
            writes=writes,
            undisturbed=calm,
            undisturbed_writes=calm_writes,
            host_kills=self._host_kills,
            host_upgrades=self._host_upgrades,
        )

    def _under_traffic(self, work: Callable[[], None], seconds: float = 0.0) -> tuple[Result, Writes]:
        """Run `work` under traffic, which goes on for as many requests, or as many seconds, as asked."""
        stage, options = self._stage, self._options
        first_id = 1 + self._runs * IDS_A_RUN
        self._runs += 1
        acknowledged = stage.tree.parent / f"acknowledged.{self._runs}"
        load = Load(
            host=stage.settings.host,
            port=stage.settings.port,
            rate=options.rate,
            mix=MIX,
            streams=options.streams,
            stream_s=options.stream_s,
            first_id=first_id,
            acknowledged_path=str(acknowledged),
            lying=LYING,
        )
        start = time.monotonic()
        self._traffic = traffic = Traffic(load, ROOT)
        stage.spared.add(traffic.process.pid)
        self._until("the traffic flows", lambda: traffic.progress.streams_open >= options.streams)
        work()
        self._until(
            "all requests are made",
            lambda: (
                traffic.progress.answered >= options.requests if not seconds else time.monotonic() - start > seconds
            ),
            timeout_s=3 * options.requests / options.rate + 60,
        )
        traffic.stop()
        self._until("the last streams have ended", lambda: not traffic.is_alive, options.stream_s + 60)
        result = traffic.collect()
        last_id = first_id + result.writes
        owner_dsn = stage.settings.database_url
        assert owner_dsn is not None
        return result, ledger.check(owner_dsn, acknowledged, first_id, last_id)

    def _deploy_all(self) -> None:
        steps = brief_plan() if self._options.brief else plan(self._options.slow_import_s)
        begun = time.monotonic()
        spread_s = self._options.requests / self._options.rate - sum(step.fault.seconds for step in steps)
        for number, step in enumerate(steps):
            waited = sum(before.fault.seconds for before in steps[:number])
            due = begun + waited + max(0.0, spread_s) * number / len(steps)
            self._until("the next deploy is due", lambda due=due: time.monotonic() >= due, 600)  # type: ignore[misc]
            row = self._deploy(step)
            self._rows.append(row)
            self._say(line_of(number + 1, len(steps), row))
            if self._options.kill_host and number == len(steps) // 2:
                self._kill_host()
            if number == len(steps) * 3 // 4:
                self._upgrade_host()

    def _deploy(self, step: Step) -> DeployRow:
        before = self._stage.releases()
        deployed, label = self._ask(step)
        built = len(self._stage.releases() - before)
        if step.expected is Expected.REFUSED:
            return _row(step, deployed, built, not deployed.ok and deployed.step == step.fault.step)
        if not deployed.ok:
            return _row(step, deployed, built, False)
        first_at = self._first_answer(step.function, label, deployed.started_at)
        good = first_at is not None
        if step.expected is Expected.TAKEN_BACK:
            good = good and self._is_taken_back(step.function, deployed.release)
        elif good and step.kind == "sound":
            self._served.setdefault(step.function, []).append(deployed.release)
        return _row(step, deployed, built, good, first_at)

    def _ask(self, step: Step) -> tuple[Deployed, str]:
        if step.is_rollback:
            release = self._served[step.function][-2]
            return self._stage.roll_back(step.function, release), self._stage.ids[release]
        self._labels += 1
        label = LYING if step.expected is Expected.TAKEN_BACK else f"{step.function}-{self._labels}"
        return self._stage.deploy(step.function, label, step.fault), label

    def _first_answer(self, function: str, label: str, after: float) -> float | None:
        """When the traffic first met the release; streams begin too seldom, so that events are asked for here."""
        found: list[float] = []

        def is_there() -> bool:
            if function == "events":
                at = time.monotonic() if self._release_of_events() == label else None
            else:
                at = self._traffic.first_answer(function, label, after)
            found.extend([] if at is None else [at])
            return bool(found)

        self._stage.wait_until(is_there, ANSWER_PATIENCE_S)
        return found[0] if found else None

    def _release_of_events(self) -> str | None:
        settings = self._stage.settings
        with closing(http.client.HTTPConnection(settings.host, settings.port, timeout=10)) as connection:
            connection.request("GET", "/api/drill/events/0")
            answer = connection.getresponse()
            answer.read()
            return answer.getheader("x-drill-release")

    def _is_taken_back(self, function: str, lying: str) -> bool:
        def is_back() -> bool:
            state = self._stage.function(function)
            return bool(state["release"] != lying and state["workers"])

        return self._stage.wait_until(is_back, 30 + 300 * self._options.watch_scale * 2)

    def _kill_host(self) -> None:
        """Kill the host with 9: its workers go on, and a new one takes over."""
        process = self._stage.host.process
        assert process is not None
        process.kill()
        process.wait()
        self._host_kills += 1
        self._say("the host was killed with 9")

        def is_back() -> bool:
            states = [function["state"] for function in self._stage.host.functions()]
            return len(states) > 0 and set(states) == {"serving"}

        self._until("the host is back", is_back, 60)

    def _upgrade_host(self) -> None:
        """Replace the host by another, with all its functions at once."""
        if (reason := self._stage.upgrade()) is not None:
            raise StageError(f"the host was not upgraded: {reason}")
        self._host_upgrades += 1
        self._say("the host was upgraded")

    def _until(self, what: str, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait while the parts are tended; raises StageError."""

        def holds() -> bool:
            return condition() or not self._traffic.is_alive

        if not self._stage.wait_until(holds, timeout_s):
            raise StageError(f"not within {timeout_s:.0f} s: {what}")


def _row(step: Step, deployed: Deployed, built: int, good: bool, first_at: float | None = None) -> DeployRow:  # noqa: FBT001
    return DeployRow(
        function=step.function,
        kind=step.kind,
        expected=step.expected,
        as_expected=good,
        took_s=round(time.monotonic() - deployed.started_at, 3),
        built=built,
        new_code_s=None if first_at is None else round(first_at - deployed.started_at, 3),
        step=deployed.step,
        reason=deployed.reason,
    )


def line_of(number: int, count: int, row: DeployRow) -> str:
    """A deploy in one line, for whoever watches."""
    verdict = row.expected if row.as_expected else f"NOT {row.expected}"
    detail = f"new code after {row.new_code_s:.3f} s" if row.new_code_s else f"at {row.step}" if row.step else ""
    line = f"{number:>3}/{count} {row.function:<7} {row.kind:<20} {verdict:<12} {row.took_s:7.2f} s  {detail}"
    return line if row.as_expected else f"{line}\n{row.reason}"
