"""The searches of a shop as a script of pgbench: the same statements, the same parameters, the same session."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from core.db.dsn import application_conninfo
from core.db.pool import SET_SHOP, SET_SHOP_AND_KEEP_PLAN
from core.db.search import Question, keeps_plan, statement, values
from core.db.shops import ShopState
from core.settings import Settings

MICROSECOND = 1e-6


class Asked(NamedTuple):
    """One question to one shop."""

    state: ShopState
    question: Question


def branch(asked: Asked, number: int) -> tuple[str, dict[str, str]]:
    """One search, with the variables that it names: they become the parameters of what is prepared.

    Setting and statement share one round trip, as `Database.read` sends them.
    """
    given = values(asked.state, asked.question)
    text = statement(asked.state, asked.question).as_string(None).strip()
    variables = {}
    for name, value in given.items():
        for held in (f"%({name})s", f"%({name})b"):
            if held not in text:
                continue
            if value is None:  # a variable of pgbench has no null
                text = text.replace(held, "null")
                continue
            cast = "::halfvec" if name == "embedding" else ""
            variables[f"{name}{number}"] = value.to_text() if name == "embedding" else str(value)
            text = text.replace(held, f":{name}{number}{cast}")
    variables[f"setting{number}"] = str(asked.state.shop_id)
    setting = SET_SHOP_AND_KEEP_PLAN if keeps_plan(asked.state) else SET_SHOP
    setting = setting.strip().replace("%s", f":setting{number}") + ";"
    return f"\\startpipeline\n{setting}\n{text};\n\\endpipeline\n", variables


def script(searches: Sequence[Asked]) -> tuple[str, dict[str, str]]:
    """All of them in turn, one a transaction: of several scripts pgbench would take any at random."""
    lines = [f"\\set turn (:turn + 1) % {len(searches)}\n"]
    variables = {"turn": "-1"}
    for number, asked in enumerate(searches):
        text, named = branch(asked, number)
        lines += [f"\\{'elif' if number else 'if'} :turn = {number}\n", text]
        variables |= named
    return "".join([*lines, "\\endif\n"]), variables


def run(program: Path, settings: Settings, searches: Sequence[Asked], times: int) -> list[list[float]]:
    """Seconds that each search took, time after time, in the order of the searches; one client asks them in turn."""
    text, variables = script(searches)
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        (folder / "searches.sql").write_text(text)
        count = len(searches) * times
        command = [str(program), "-n", "-M", "prepared", "-t", str(count), "-l", "-f", "searches.sql"]
        command += [part for pair in variables.items() for part in ("-D", "=".join(pair))]
        done = subprocess.run(
            [*command, application_conninfo(settings)], cwd=folder, capture_output=True, text=True,
            env={**os.environ, "LC_ALL": "C"}, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"pgbench: {done.stderr[-2000:]}")
        lines = "".join(path.read_text() for path in folder.glob("pgbench_log.*")).splitlines()
    if len(lines) != count:
        raise RuntimeError(f"pgbench made {len(lines)} of {count} transactions: {done.stderr[-2000:]}")
    took = [int(line.split()[2]) * MICROSECOND for line in lines]
    return [took[number :: len(searches)] for number in range(len(searches))]
