"""Does the health page say what is true?"""

import json
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException

import psycopg

from core.db.requirements import requirements
from core.errors import EdgeError
from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown, warning

PATH = "/api/health"
LOGS = "`edge logs health` and `edge logs nginx` say why"


def examine(box: Box) -> Iterator[Finding]:
    """Hold what it says of database and model against what they do when they are asked here."""
    try:
        reply = box.ask("GET", PATH)
    except (OSError, HTTPException) as error:
        yield unknown(f"{PATH} does not answer: {error!r}", LOGS)
        return
    try:
        said = json.loads(reply.body)
        status, checks = said["status"], said["checks"]
    except (ValueError, KeyError, TypeError):
        yield unknown(f"{PATH} is answered {reply.status}, and not by the health function", LOGS)
        return
    truth = {
        "embeddings": embeds_not(box),
        "database": "; ".join(requirements(box.owner_dsn)) or None,
    }
    lies = {part: wrong for part, wrong in truth.items() if wrong and checks.get(part) == "ok"}
    for part, wrong in lies.items():
        yield fault(f"it says {part} ok, and that is not so: {wrong}", "do not trust what watches this page")
    if not lies:
        told = f"{status}: " + ", ".join(f"{part} {state}" for part, state in checks.items())
        yield ok(told) if status == "ok" else warning(told, "see the check of the part that is not ok")


def embeds_not(box: Box) -> str | None:
    """Why a model that shops use does not embed; while none is used, the configured one, as the page has it."""
    with suppress(psycopg.Error):
        if box.used:
            return next((f"{used.of.model.name}: {used.missing}" for used in box.used if used.missing), None)
    return box.model.detail if isinstance(box.model, EdgeError) else None
