"""How costs grow: `python -m ops.bench.growth shops`, with passages and shops; `... functions`, with functions.

`shops` fills one database shop by shop, PASSAGES passages each, and measures at each rung: a search of any shop, a
passage more in any shop, a batch of documents stored as `edge learn` stores it, a deploy of `search` while that is the
database, sizes on disk. The folder keeps it all, so that a run of --seconds goes on where the last one stopped: ten
thousand shops are a million passages and take ten to thirty minutes. `cold` asks them with nothing in memory, as on a
machine with less memory than data. `functions` runs so many empty functions under one host, and measures memory, a
deploy and what they cost while nobody asks. Each rung is appended to FOLDER/growth.jsonl; `draw` makes tables and
pictures of it.
"""

import argparse
import sys
from pathlib import Path

import uvloop
from click import echo

from ops.bench.growth import page
from ops.bench.growth.functions import FUNCTION_RUNGS, grow_functions
from ops.bench.growth.shops import SHOP_RUNGS, forget_pages, grow_shops, search_cold
from ops.bench.world import kept_database
from ops.lifeline import adopt_orphans
from ops.stack.parts import ROOT

DOCS = ROOT / "docs" / "benchmarks"


def main() -> int:
    """Grow, or draw. Exit status 3: the time was over before the last rung."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.bench.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("shops", "cold", "functions", "draw"))
    parser.add_argument(
        "folder", type=Path, help="where the database and the figures are kept; some 9 GB for all rungs"
    )
    parser.add_argument("--to", type=int, default=sys.maxsize, help="no rung beyond this one")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="shops: stop filling after so long")
    given = parser.parse_args()
    folder = given.folder.absolute()
    log = folder / "growth.jsonl"
    adopt_orphans()
    if given.what == "draw":
        echo(page.write(log, DOCS))
        return 0
    if given.what == "functions":
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        grow_functions([rung for rung in FUNCTION_RUNGS if rung <= given.to], log)
        return 0
    if given.what == "cold":
        forget_pages(folder / "home" / "data")
        with kept_database(folder) as server:
            uvloop.run(search_cold(server, log))
        return 0
    rungs = [rung for rung in SHOP_RUNGS if rung <= given.to]
    with kept_database(folder) as server:
        return 0 if uvloop.run(grow_shops(server, rungs, given.seconds, log)) else 3


if __name__ == "__main__":
    sys.exit(main())
