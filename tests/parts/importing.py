"""`edge learn` as its own process on a test's database and model server, and what a shop then knows."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from core.db.dsn import application_conninfo
from core.settings import Settings
from ops.cli import main
from ops.importing.exporting import exported_lines


def environ_of(settings: Settings) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    return {**clean, **settings.to_environ()}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "ops.cli", *map(str, arguments)]


def run(settings: Settings, *arguments: object, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
    """An `edge` command to its end."""
    return subprocess.run(
        command(*arguments), env=environ_of(settings), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def learn(settings: Settings, *arguments: object) -> dict:
    """What `edge learn --json` reports, whatever its exit status; in this process, which is quicker."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.to_environ().items():
            patch.setenv(name, value)
        done = CliRunner().invoke(main, ["learn", *map(str, arguments), "--json"])
    assert done.exit_code in {0, 1}, done.output
    return json.loads(done.stdout.splitlines()[-1])


async def start(settings: Settings, *arguments: object) -> asyncio.subprocess.Process:
    """An `edge` command that goes on; its output is piped."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *command(*arguments), env=environ_of(settings), stdout=pipe, stderr=pipe
    )


async def until_written(database) -> int:
    """Wait until documents are there that were not at the start of the wait; returns how many there are."""
    before = found = one(database, "select count(*) from document")
    async with asyncio.timeout(90):
        while found == before:
            await asyncio.sleep(0.02)
            found = one(database, "select count(*) from document")
    return found


def write_rows(path: Path, rows: Iterable[dict]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def knowledge(database, shop_id: int) -> list[tuple]:
    """All that a shop knows, but for what differs from one time to the next: ids and times."""
    with psycopg.connect(database.superuser_dsn) as conn:
        return conn.execute(
            "select coalesce(file, ''), coalesce(key, ''), encode(hash, 'hex'), content, coalesce(category, ''),"
            " coalesce(source, ''), metadata::text,"
            " (select count(*) from passage_vector v where v.shop_id = p.shop_id and v.passage_id = p.id),"
            " (select count(*) from posting w where w.shop_id = p.shop_id and w.passage_id = p.id)"
            " from passage p left join document d on d.shop_id = p.shop_id and d.id = p.document_id"
            " where p.shop_id = %s order by 1, 2, p.id",
            [shop_id],
        ).fetchall()


def one(database, statement: str, *values: object):
    """The only value of a statement, past row-level security."""
    with psycopg.connect(database.superuser_dsn) as conn:
        (found,) = conn.execute(statement, values).fetchone()
    return found


def export_lines(settings: Settings, shop_id: int) -> bytes:
    """What `edge knowledge export` writes, in this process."""
    with psycopg.connect(application_conninfo(settings), autocommit=True) as conn:
        return b"".join(exported_lines(conn, shop_id))
