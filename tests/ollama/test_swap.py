"""A name of the real Ollama that becomes that of another model while it is asked: in an instant, as `cp` does it."""

import shutil

import pytest

from core.models.gateway import Embedder
from core.settings import Settings
from ops.ollama.server import OllamaServer
from tests.ollama.conftest import official_client

pytestmark = [pytest.mark.ollama, pytest.mark.timeout(300)]

NAME, WHOLE, CUT = "all-minilm", "whole", "cut"
# The same weights with a shorter context: other vectors of texts that are longer than it, and of the same length.
CONTEXT_TOKENS = 16
PASSAGE = "The shop opens at nine, and a haircut takes half an hour when nobody waits. " * 3


def cosine(left, right) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


async def test_each_vector_is_of_the_model_whose_digest_it_is_kept_under(layout, tmp_path):
    models = shutil.copytree(layout.models, tmp_path / "models", copy_function=shutil.copyfile)
    with OllamaServer(layout, models=models) as server:
        settings = Settings(home=tmp_path, ollama_url=server.url, embed_deadline_s=60.0)
        async with official_client(server.url) as client:
            await client.copy(NAME, WHOLE)
            await client.create(CUT, from_=NAME, parameters={"num_ctx": CONTEXT_TOKENS})
            listed = {model.model: model.digest for model in (await client.list()).models}
            named = {listed[f"{name}:latest"]: name for name in (WHOLE, CUT)}
            embedder = await Embedder.open(settings, None)
            seen = []
            for number, name in enumerate((WHOLE, CUT, WHOLE, CUT)):
                text = f"{number}. {PASSAGE}"
                made = {other: (await client.embed(other, text)).embeddings[0] for other in (WHOLE, CUT)}
                await embedder.embed_query(f"{number}?")  # the name was that of the other model just now
                await client.copy(name, NAME)
                asked = await embedder.embed_query(text)
                likeness = {other: cosine(asked.vector.to_list(), vector) for other, vector in made.items()}
                nearest = max(likeness, key=likeness.__getitem__)
                seen.append((named[asked.model.digest], nearest))
            await embedder.close()
    assert [(name, name) for name in (WHOLE, CUT, WHOLE, CUT)] == seen
