"""Do the models really embed: the configured one, and each that a shop uses?"""

from collections.abc import Iterator

import psycopg

from core.errors import EdgeError
from core.knowledge.reach import place_of
from ops.doctor.box import Box, Used
from ops.doctor.finding import Finding, fault, ok, unknown

SHOPS_NAMED = 10


def examine(box: Box) -> Iterator[Finding]:
    """Embed a text now, past all caches."""
    if isinstance(box.model, EdgeError):
        yield fault(
            f"{box.settings.embed_model} does not embed: {box.model.detail}",
            "`edge logs model`, or the log of the server in EDGE_OLLAMA_URL, says why",
        )
    else:
        yield ok(f"{box.model.name} embeds, {box.model.dimensions} dimensions, digest {box.model.digest[:12]}")
    try:
        missing = [used for used in box.used if used.missing and not _is_told(used, box)]
    except psycopg.Error as error:
        yield unknown(f"the database does not tell which models the shops use: {' '.join(str(error).split())}")
    else:
        yield from (fault(_is_missing(used), _remedy(used)) for used in missing)


def _is_told(used: Used, box: Box) -> bool:
    """Whether it is the configured model that does not embed."""
    return isinstance(box.model, EdgeError) and place_of(used.of.model) == box.place


def _is_missing(used: Used) -> str:
    shops = used.of.shops
    named = ", ".join(map(str, shops[:SHOPS_NAMED]))
    more = f" and {len(shops) - SHOPS_NAMED} more" if len(shops) > SHOPS_NAMED else ""
    where = f" at {used.url}" if used.url else ""
    return (
        f"{used.of.model.name}{where} does not embed for shops {named}{more}: {used.missing};"
        " their searches go by words alone, and they learn nothing"
    )


def _remedy(used: Used) -> str:
    back = f"start the server at {used.url} with it again" if used.url else "name its server in EDGE_OLLAMA_URL"
    return f"{back}, or `edge reembed --to URL MODEL` moves the shops to a model that is there"
