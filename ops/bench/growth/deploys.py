"""What a deploy of `search` costs beside a database that grew: an operator's command, smoke request and switch."""

import time
from collections.abc import Sequence
from pathlib import Path

from ops.bench.latency import Latency, summary
from ops.bench.stand import plant
from ops.stack.parts import ROOT
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.running import Running, home

DEPLOYED = "search"
DEPLOYS = 20


def deploys_beside(server: EmbeddedPostgres) -> Latency:
    """Milliseconds of `edge deploy search` with new code, its own start included, while that server is the database."""
    with home() as stack:
        stack.environ |= {"EDGE_DATABASE_URL": server.owner_dsn, "EDGE_DATABASE_APP_URL": server.app_dsn}
        stack.start()
        return summary(_deploys(stack, stack.folder / "tree"))


def _deploys(stack: Running, tree: Path) -> Sequence[float]:
    plant(tree)
    code = (ROOT / "functions" / f"{DEPLOYED}.py").read_text("utf-8")
    taken = []
    for number in range(DEPLOYS):
        (tree / "functions" / f"{DEPLOYED}.py").write_text(f"{code}\nROUND = {number}\n", "utf-8")
        begun = time.perf_counter()
        stack.edge("deploy", DEPLOYED, "--root", str(tree))
        taken.append(time.perf_counter() - begun)
    return taken
