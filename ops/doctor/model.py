"""Does the model really embed?"""

from collections.abc import Iterator

from core.errors import EdgeError
from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok


def examine(box: Box) -> Iterator[Finding]:
    """Embed a text now, past all caches."""
    if isinstance(box.model, EdgeError):
        yield fault(
            f"{box.settings.embed_model} does not embed: {box.model.detail}",
            "`edge logs model`, or the log of the server in EDGE_OLLAMA_URL, says why",
        )
    else:
        yield ok(f"{box.model.name} embeds, {box.model.dimensions} dimensions, digest {box.model.digest[:12]}")
