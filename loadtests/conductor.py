"""Begins a run, watches it and judges it: what Locust's events call.

Every process has one. The master, or the only process, looks before the load begins, gives the run its tag, and
judges; a worker takes over the options and draws the same questions.
"""

import logging
import random
import signal
import sys
from argparse import Namespace
from typing import Any

from locust.env import Environment
from locust.event import Events
from locust.runners import WORKER_REPORT_INTERVAL, MasterRunner, WorkerRunner

from loadtests import preflight, report, shops, verdict
from loadtests.api import Api, Unusable
from loadtests.options import Options, add_arguments, report_folder
from loadtests.questions import Questions, drawn, generated, new_tag, recorded
from loadtests.verdict import NOT_REPORTED, WRONG_USE
from loadtests.watching import Watching

_LOG = logging.getLogger(__name__)
# Who is in the middle of something at the end may end it: as long as an answer may take.
STOP_TIMEOUT_S = 35.0
FASTEST_SPAWN = 100.0


class Conductor:
    """`options` and `questions` are those of the run under way, which users read."""

    environment: Environment
    options: Options
    questions: Questions

    def __init__(self) -> None:
        self._watching: Watching | None = None
        self._said = "no run has ended yet\n"  # what the page tells of the last run

    def listen(self, events: Events) -> None:
        """Take part in everything that Locust does from now on."""
        events.init_command_line_parser.add_listener(add_arguments)
        events.init.add_listener(self._init)
        events.test_start.add_listener(self._start)
        events.test_stop.add_listener(self._end)
        events.reset_stats.add_listener(self._reset)
        events.quitting.add_listener(self._end)

    def tick(self, seconds: float) -> Any:
        """What a shape's `tick` returns: users, users to come a second, their class; None at the end."""
        runner = self.environment.runner
        assert runner is not None, "a shape ticks within a run"
        if self._watching is None and not self._begin():
            return None
        assert self._watching is not None, "it has begun"
        users = self._watching.users(seconds)
        if users is None:
            return None
        user = runner.user_classes_by_name[self.options.scenario.user]
        return users, max(FASTEST_SPAWN, abs(users - runner.user_count)), [user]

    @property
    def _given(self) -> Any:
        """What Locust parsed; its page changes it from run to run."""
        return self.environment.parsed_options

    def _init(self, environment: Environment, web_ui: Any, **_: Any) -> None:
        self.environment = environment
        if self._is_worker:
            return
        environment.stop_timeout = max(environment.stop_timeout, STOP_TIMEOUT_S)
        if web_ui is not None:
            web_ui.app.add_url_rule("/verdict", "verdict", self._page)
            web_ui.app.before_request(self._refuse_on_page)
        elif self._given.headless:
            # Locust takes it up after the run only: until then it would end without a verdict.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            try:
                options = self._read_options()
                preflight.check(options)
                preflight.prepare(report_folder(self._given))
            except Unusable as error:
                sys.stderr.write(f"the load test cannot begin: {error}\n")
                sys.exit(WRONG_USE)

    def _begin(self) -> bool:
        """Prepare a run; False, and said why, when it cannot be."""
        self._given.tag = new_tag(random.SystemRandom())
        try:
            self._take_options()
            preflight.check(self.options)
            preflight.prepare(report_folder(self._given))
            if self.options.scenario.shops:
                shops.seed(Api(self.options.host, self.options.key), self.options.scenario.shops)
        except Unusable as error:
            _LOG.error("the load test cannot begin: %s", error)
            self._said = _told(error)
            self.environment.process_exit_code = WRONG_USE
            return False
        self._said = f"{self.options.scenario.name}: it goes on\n"
        pause_s = WORKER_REPORT_INTERVAL if isinstance(self.environment.runner, MasterRunner) else 1.0
        self._watching = Watching(self.environment.runner, self.options, self.questions, report_every_s=float(pause_s))
        return True

    def _start(self, **_: Any) -> None:
        """Statistics begin at nothing now. Without a shape (the page may do without) this is where a run begins."""
        if self._is_worker:
            self._take_options()
        elif self._watching is not None or self._begin():
            assert self._watching is not None, "it has begun"
            self._watching.start()
            self._watching.finished = self.environment.shape_class is None

    def _reset(self, **_: Any) -> None:
        if self._watching is not None:
            self._watching.forget()

    def _end(self, **_: Any) -> None:
        """Judge the run that was under way, if one was."""
        watching, self._watching = self._watching, None
        if watching is None:
            return
        try:
            self._judge(watching)
        finally:
            self._tidy()

    def _judge(self, watching: Watching) -> None:
        watching.stop()
        for complaint in watching.complaints:
            _LOG.error("%s", complaint)
        evidence, scenario = watching.evidence(), self.options.scenario
        judged = verdict.judge(scenario.name, scenario.criteria_at(self.options.scale), evidence)
        self.environment.process_exit_code = judged.exit_status
        self._said = verdict.text(judged)
        print(self._said)  # noqa: T201 - what the command is for
        folder = report_folder(self._given)
        try:
            report.write(folder, self.environment, self.options, evidence, judged)
            print(f"report: {folder}")  # noqa: T201
        except OSError as error:
            _LOG.error("the report cannot be written: %s", error)
            self._said += f"the report cannot be written: {error}\n"
            self.environment.process_exit_code = judged.exit_status or NOT_REPORTED

    def _tidy(self) -> None:
        if self.options.scenario.shops:
            try:
                shops.clear(Api(self.options.host, self.options.key), self.options.scenario.shops)
            except Unusable as error:
                _LOG.warning("passages of the load test's shops are left: %s", error)

    def _page(self) -> tuple[str, dict[str, str]]:
        """The last verdict, or why there is none, on the web page's address `/verdict`."""
        return self._said, {"Content-Type": "text/plain; charset=utf-8"}

    def _refuse_on_page(self) -> dict[str, Any] | None:
        """Look before Locust answers the page that a run began; None lets it."""
        from flask import request

        if request.method != "POST" or not request.path.endswith("/swarm") or self._watching is not None:
            return None
        form = {key: value for key, value in request.form.items() if key != "host"}
        host = request.form.get("host", self.environment.host)
        try:
            preflight.check(Options.of(host, Namespace(**(vars(self._given) | form))))
        except Unusable as error:
            self._said = _told(error)
            return {"success": False, "message": str(error), "host": host}
        return None

    def _take_options(self) -> None:
        options = self.options = self._read_options()
        try:
            texts = generated() if options.questions is None else recorded(options.questions)
        except (OSError, ValueError) as error:
            raise Unusable(f"the questions cannot be read: {error}") from error
        self.questions = drawn(texts, round(options.scenario.questions * options.scale), options.tag)

    def _read_options(self) -> Options:
        return Options.of(self.environment.host, self._given)

    @property
    def _is_worker(self) -> bool:
        return isinstance(self.environment.runner, WorkerRunner)


def _told(error: Unusable) -> str:
    return f"the load test cannot begin: {error}\n"
