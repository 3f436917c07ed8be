"""`make bench`, `python -m ops.bench [PART...]`: what the product costs, each figure beside its floor, in one run.

Exit status: 0 measured (whether aims were reached or not), 1 something got worse (with --against), 2 called wrongly, or
nothing to compare with on this machine, 3 a part failed on the way (whatever else got worse). make itself ends with 2
whatever failed: a script asks `python -m ops.bench`.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console

from ops.bench import compare, page
from ops.bench.aims import held
from ops.bench.figure import Figure, Report, plain, read
from ops.bench.scale import SCALES, Scale, rungs, scale
from ops.lifeline import adopt_orphans
from ops.slo import LevelsError, load
from ops.stack.environment import environment
from ops.stack.parts import ROOT

FOLDER = ROOT / "docs" / "benchmarks"
EPILOG = """parts:
{parts}

examples:
  python -m ops.bench                               everything, to docs/benchmarks/ (about 14 minutes)
  python -m ops.bench --quick                       everything, smaller, in 4 minutes; written nowhere
  python -m ops.bench search embedding              two parts, printed
  python -m ops.bench database --million            up to 1 000 000 passages (an hour, 12 GB)
  python -m ops.bench search --json | jq '.figures[].ratio'
  python -m ops.bench --against docs/benchmarks/bench.json     measure, and name what got worse
  python -m ops.bench --against OLD.json --measured NEW.json   compare two runs

A ratio is the median of the rounds, with its least and most. "by processor time" sets the time on a core of each
request beside the floor's: other work on the machine moves it less than it moves the clock."""
Measure = Callable[[Scale, Callable[[str], None]], list[Figure]]
MILLION = 1_000_000


def parts() -> dict[str, tuple[Measure, str]]:
    """What measures each part, and what it is."""
    from ops.bench.parts import database, deploying, embedding, importing, memory, searching, serving, starting

    return {
        "serving": (serving.measure_serving, "an empty function: our host, stock Granian, uvicorn, FastAPI"),
        "search": (searching.measure_searches, "cached and new questions through nginx; the model alone"),
        "database": (database.measure_database, "the database part beside pgbench, recall"),
        "embedding": (embedding.measure_embedding, "the gateway beside the model server"),
        "import": (importing.measure_importing, "edge learn beside the model server"),
        "memory": (memory.measure_memory, "PSS of idle functions"),
        "start": (starting.measure_starting, "cold start of a function, and of the stack"),
        "deploy": (deploying.measure_deploying, "time to new code"),
    }


def main() -> int:
    """Measure, print, write, compare: as the arguments say."""
    given = _arguments().parse_args()
    progress = Console(stderr=True, highlight=False)
    try:
        load()  # no part of it is to find a slip after minutes
        baseline = _baseline(given.against) if given.against else None
        report = read(given.measured.read_bytes()) if given.measured else _measured(given, baseline, progress)
        if baseline is not None:
            compare.require_same_machine(baseline, report)
    except (OSError, msgspec.DecodeError, compare.NotComparableError, LevelsError) as error:
        progress.print(f"{error}", markup=False, soft_wrap=True)
        return 2
    if baseline is not None:
        worse = _compare(baseline, report, as_json=given.json)
        return 3 if report.failed else int(worse)
    if given.json:
        _say_json(plain(report))
    else:
        page.show(report)
    if given.folder is not None or (not given.parts and not given.quick and not given.json):
        progress.print(f"written to {page.write(report, given.folder or FOLDER)}", markup=False, soft_wrap=True)
    return 3 if report.failed else 0


def _baseline(path: Path) -> Report:
    if not path.is_file() and path.absolute() == FOLDER / "bench.json":
        raise compare.NotComparableError(f"no baseline of this machine yet: run make bench (it leaves {path})")
    return read(path.read_bytes())


def _arguments() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<11} {words}" for name, (_, words) in parts().items())
    parser = argparse.ArgumentParser(
        prog="python -m ops.bench",
        description=__doc__,
        epilog=EPILOG.format(parts=listed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", type=_part, help="only these")
    parser.add_argument("--quick", action="store_true", help="smaller and shorter, in 4 minutes")
    parser.add_argument("--scale", choices=sorted(SCALES), help=argparse.SUPPRESS)  # tiny: for the tests
    parser.add_argument("--million", action="store_true", help="the database part up to 1 000 000 passages")
    parser.add_argument(
        "--folder", type=Path, help=f"write table, pictures and JSON here (all parts: docs/{FOLDER.name}/)"
    )
    parser.add_argument("--against", type=Path, metavar="JSON", help="name what got worse against this run")
    parser.add_argument("--measured", type=Path, metavar="JSON", help="compare this run in place of a new one")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object on standard output")
    return parser


def _part(name: str) -> str:
    if name not in parts():
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(parts())}")
    return name


def _measured(given: argparse.Namespace, baseline: Report | None, progress: Console) -> Report:
    name = given.scale or ("quick" if given.quick else baseline.scale if baseline else "full")
    sizes = scale(name)
    if given.million:
        sizes = msgspec.structs.replace(sizes, passages=rungs(*sizes.passages, MILLION))
    chosen = {name: measure for name, (measure, _) in parts().items() if not given.parts or name in given.parts}
    where = environment()
    if baseline is not None:
        compare.require_same_machine(baseline, msgspec.structs.replace(baseline, environment=where))
    adopt_orphans()
    signal.signal(signal.SIGTERM, _interrupt)
    start = time.monotonic()

    def say(line: str) -> None:
        progress.print(f"{time.monotonic() - start:4.0f} s  {line}", markup=False, soft_wrap=True)

    figures, failed = _run(chosen, sizes, say)
    return Report(
        environment=where, scale=name, parts=tuple(chosen), took_s=round(time.monotonic() - start, 1),
        figures=tuple(figures), failed=failed,
    )  # fmt: skip


def _run(chosen: dict[str, Measure], sizes: Scale, say: Callable[[str], None]) -> tuple[list[Figure], dict[str, str]]:
    """The figures, and of each part that has none the reason: one that fails leaves the others theirs."""
    figures: list[Figure] = []
    failed: dict[str, str] = {}
    for number, (part, measure) in enumerate(chosen.items(), 1):
        head = f"[{number}/{len(chosen)}] {part}: "
        try:
            found = measure(sizes, lambda line, head=head: say(head + line))  # type: ignore[misc]
            figures += (held(figure, load()) for figure in found)
        except KeyboardInterrupt:
            say(f"{head}interrupted; what was measured so far is kept")
            return figures, failed | dict.fromkeys([*chosen][number - 1 :], "interrupted")
        except Exception as error:  # noqa: BLE001 - said at once and in the report
            failed[part] = f"{type(error).__name__}: {error}"
            say(f"{head}failed: {failed[part]}")
    return figures, failed


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _compare(baseline: Report, report: Report, *, as_json: bool) -> bool:
    changes = compare.compare(baseline, report)
    if as_json:
        _say_json([msgspec.to_builtins(change) for change in changes])
    else:
        compare.show(changes, baseline, report)
    return any(change.verdict == "worse" for change in changes)


def _say_json(value: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


if __name__ == "__main__":
    sys.exit(main())
