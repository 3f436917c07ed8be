"""The gateway in front of the embedded model server."""

import asyncio

import pytest

from core.errors import ModelUnavailable
from core.models.gateway import Embedder
from core.settings import Settings


def cosine(one, other):
    return sum(a * b for a, b in zip(one.to_list(), other.to_list(), strict=True))


async def opened(server, home):
    return await Embedder.open(Settings(home=home, ollama_url=server.url, embed_deadline_s=30.0), None)


async def test_a_question_is_near_the_passage_that_answers_it(model_server, tmp_path):
    embedder = await opened(model_server, tmp_path)
    question = await embedder.embed_query("How much is a haircut?")
    answer, other = await embedder.embed_documents(["A haircut costs 25 euros.", "We are closed on Sunday."])
    assert question.model.dimensions == question.vector.dimensions() == 384
    assert cosine(question.vector, answer) > cosine(question.vector, other) + 0.2
    assert cosine(question.vector, question.vector) == pytest.approx(1, abs=1e-3)
    assert await embedder.probe() == question.model == await embedder.identity()
    await embedder.close()


async def test_questions_and_passages_at_once_are_all_answered(model_server, tmp_path):
    embedder = await opened(model_server, tmp_path)
    bulk = asyncio.create_task(embedder.embed_documents([f"Service number {number} is free." for number in range(40)]))
    answers = await asyncio.gather(*(embedder.embed_query(f"What is service {number}?") for number in range(40)))
    assert len({str(answer.vector) for answer in answers}) == 40
    assert len(await bulk) == 40
    await embedder.close()


async def test_a_killed_model_server_is_used_again_after_it_came_back(own_model_server, tmp_path):
    embedder = await opened(own_model_server, tmp_path)
    before = await embedder.embed_query("When are you open?")
    own_model_server.kill()
    with pytest.raises(ModelUnavailable):
        await embedder.embed_query("When are you open?")
    own_model_server.start()
    after = await embedder.embed_query("When are you open?")
    assert (after.vector, after.model) == (before.vector, before.model)
    await embedder.close()
