"""The host's control socket, over whatever the host answers or fails to."""

import asyncio
from pathlib import Path
from typing import Any

from ops.host import control


async def fails(request: dict[str, Any], _emit: control.Emit) -> dict[str, Any]:
    return {"ok": 1 // request["by"]}


async def asked(folder: Path, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers to requests on connections of their own."""
    server = await control.listen(folder, fails)
    try:
        return [await asyncio.to_thread(control.ask, folder, request) for request in requests]
    finally:
        server.close()


async def test_a_fault_of_the_host_is_told_to_the_asker_and_the_log_and_the_next_one_is_answered(tmp_path: Path, capfd):
    failed, next_one = await asked(tmp_path, {"by": 0}, {"by": 1})
    assert (False, "host") == (failed["ok"], failed["step"])
    assert "ZeroDivisionError" in failed["reason"]
    assert {"ok": 1} == next_one
    assert "in fails" in capfd.readouterr().out


async def test_a_line_past_the_limit_ends_its_connection_alone(tmp_path: Path):
    server = await control.listen(tmp_path, fails)
    try:
        reader, writer = await asyncio.open_unix_connection(tmp_path / control.SOCKET_NAME)
        writer.write(b"x" * 200_000 + b"\n")
        assert b"" == await reader.read()
        assert {"ok": 1} == await asyncio.to_thread(control.ask, tmp_path, {"by": 1})
    finally:
        server.close()
        writer.close()
