"""What a run is told, on the command line, in the environment or on the web page; the master tells its workers."""

import argparse
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from loadtests.api import Unusable
from loadtests.catalogue import SCENARIOS, Scenario

RECORDED = Path(__file__).parents[2] / "shared" / "data" / "traffic_salon_sgd" / "utterances.jsonl"
# Addresses that an instance listens on and nobody can call.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1", "": "127.0.0.1"}  # noqa: S104
LONGEST = 1000.0  # a soak of twelve weeks
GREATEST_SHOP = 2**31 - 1
URL = re.compile(r"https?://[^/\s]+")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The checked options of one run. `tag` is a word of this run alone."""

    scenario: Scenario
    host: str
    scale: float
    key: str | None
    shop: int
    questions: Path | None
    tag: str

    @classmethod
    def of(cls, host: str | None, given: argparse.Namespace) -> "Options":
        """From what Locust parsed; raises Unusable."""
        if given.scenario not in SCENARIOS:
            raise Unusable(f"there is no scenario {given.scenario!r}: {', '.join(SCENARIOS)}")
        if not URL.fullmatch(address := (host or "").rstrip("/")):
            raise Unusable(f"{host!r} is no address such as http://127.0.0.1:8080: --host, or EDGE_HOST and EDGE_PORT")
        return cls(
            scenario=SCENARIOS[given.scenario],
            host=address,
            scale=_number(given.scale, "EDGE_LOAD_SCALE", LONGEST),
            key=given.key or None,
            shop=_shop(given.shop),
            questions=_questions(given.questions),
            tag=getattr(given, "tag", ""),
        )


class _Explain(argparse.Action):
    """`--scenarios`: Locust answers `--help` and `--list` without having seen what a locustfile adds."""

    def __call__(self, *_: Any) -> None:
        explain()
        raise SystemExit(0)


def explain() -> None:
    """Print our options and scenarios."""
    from locust.argument_parser import LocustArgumentParser

    parser = LocustArgumentParser(
        prog="make load",
        usage='make load ARGS="[options]", or .venv/bin/python -m loadtests [options]',
        description=(
            "Load what runs, and judge it by the service levels; docs/load-tests.md tells the rest. Exit status: 0 "
            "passed, 3 a criterion was broken, 2 it could not begin, 1 it passed and the report cannot be written; "
            "make itself ends with 2 for each of the three."
        ),
        epilog="Options of Locust (--master, --expect-workers, --csv …) may be given, too: locust --help.",
        add_help=False,
    )
    add_arguments(parser)
    parser.print_help()


def add_arguments(parser: Any, **_: Any) -> None:
    """Ours, beside Locust's own."""
    parser.add_argument(
        "--scenarios", nargs=0, action=_Explain, include_in_web_ui=False, help="Tell the scenarios and these options."
    )
    # Its page has no login: whoever wants it elsewhere says so by --web-host.
    parser.set_defaults(
        host=instance_address(os.environ.get("EDGE_HOST"), os.environ.get("EDGE_PORT")), web_host="127.0.0.1"
    )
    told = "; ".join(f"{scenario.name}: {scenario.summary}" for scenario in SCENARIOS.values())
    parser.add_argument(
        "--scenario",
        choices=[*SCENARIOS],
        default="ramp",
        env_var="EDGE_LOAD_SCENARIO",
        help=f"Who comes, and what is demanded of the answers. {told}.",
    )
    parser.add_argument(
        "--scale",
        default="1",
        env_var="EDGE_LOAD_SCALE",
        help="Multiplies the times of the scenario: 0.05 makes 27 seconds of nine minutes.",
    )
    parser.add_argument(
        "--key",
        default="",
        env_var="EDGE_LOAD_KEY",
        is_secret=True,
        include_in_web_ui=False,  # the page would tell it to whoever opens it
        help="An operator's key, for the scenarios that write (edge keys create --operator --name load).",
    )
    parser.add_argument(
        "--shop", default="1", env_var="EDGE_LOAD_SHOP", help="The shop that visitors ask; 1 is the demo shop."
    )
    parser.add_argument(
        "--questions",
        default="",
        env_var="EDGE_LOAD_QUESTIONS",
        help="A file of JSON lines with a `text`; by default recorded ones where they are there, else generated ones.",
    )
    parser.add_argument(
        "--report",
        default="",
        env_var="EDGE_LOAD_REPORT",
        include_in_web_ui=False,
        help="The folder for the verdict, tables, page and picture; by default EDGE_HOME/load/SCENARIO.",
    )


def instance_address(host: str | None, port: str | None) -> str:
    """The address at which an instance with these settings is reached from its own machine.

    EDGE_HOST is an address that `edge up` listens on; who takes it for that of the load has given a URL, and is meant.
    """
    if host and URL.fullmatch(host.rstrip("/")):
        return host.rstrip("/")
    bare = EVERYWHERE.get(host or "", host or "")
    if ":" in bare and not bare.startswith("["):
        bare = f"[{bare}]"
    return f"http://{bare}:{port or '8080'}"


def report_folder(given: argparse.Namespace) -> Path:
    """Where the report of the run goes."""
    default = Path(os.environ.get("EDGE_HOME") or ".edge") / "load" / given.scenario
    return Path(given.report) if given.report else default


def _number(text: Any, name: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= most:
        raise Unusable(f"{name} is {text!r}, and must be a number above 0, at most {most:g}")
    return number


def _shop(text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text) or not 0 < int(text) <= GREATEST_SHOP:
        raise Unusable(f"--shop is {text!r}, and must be the whole number of a shop, from 1 on")
    return int(text)


def _questions(text: str) -> Path | None:
    if text:
        if not Path(text).is_file():
            raise Unusable(f"--questions names no file: {text}")
        return Path(text)
    return RECORDED if RECORDED.is_file() else None
