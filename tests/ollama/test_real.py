"""What only the real Ollama can show: that our vectors are its vectors, and that its chat streams."""

import math

import pytest

from core.models.identity import ModelIdentity, is_uncased
from core.models.text import work_of
from tests.ollama.conftest import official_client

pytestmark = pytest.mark.ollama

TEXTS = [
    "How much is a haircut?",
    "Can I book by phone on Sunday morning, or is the shop closed?",
    "Beard trim, 15 minutes, 12.50 €; for children under twelve we ask half of it.",
    "Straße 12, İstanbul, 理发",
    "x",
    "",
    "word " * 400,
]
ACCENTED = ["Café crème brûlée", "Fußpflege und Maniküre nach Vereinbarung"]


async def compare(model_server, ollama_server, texts):
    """Cosine and token counts of each text, ours and the real one's."""
    found = []
    async with official_client(model_server.url) as ours, official_client(ollama_server.url) as real:
        for text in texts:
            left, right = [await client.embed("all-minilm", [text]) for client in (ours, real)]
            pairs = zip(left.embeddings[0], right.embeddings[0], strict=True)
            found.append((sum(map(math.prod, pairs)), left.prompt_eval_count, right.prompt_eval_count))
    return found


async def test_ours_and_the_real_one_make_the_same_vectors_of_the_same_tokens(model_server, ollama_server):
    for text, (cosine, ours, real) in zip(TEXTS, await compare(model_server, ollama_server, TEXTS), strict=True):
        assert cosine > 0.99, text
        assert ours == real, text


async def test_accents_have_to_be_folded_before_the_real_one_sees_them(model_server, ollama_server):
    # Its WordPiece (tokenizer/wordpiece.go) lowers case but keeps accents, which this vocabulary lacks: an
    # accented word becomes [UNK]. The model's own tokenizer drops them, so folded text means the same to both.
    assert max(cosine for cosine, _, _ in await compare(model_server, ollama_server, ACCENTED)) < 0.9
    uncased = ModelIdentity("all-minilm", "", 384, uncased=is_uncased("all-minilm"))
    folded = [work_of(uncased, "", text).text for text in ACCENTED]
    assert min(cosine for cosine, _, _ in await compare(model_server, ollama_server, folded)) > 0.99
    async with official_client(model_server.url) as ours:
        vectors = [(await ours.embed("all-minilm", texts)).embeddings for texts in (ACCENTED, folded)]
    assert vectors[0] == vectors[1]


async def test_chat_comes_in_parts_and_says_when_it_is_done(ollama_server):
    messages = [{"role": "user", "content": "Say hello."}]
    async with official_client(ollama_server.url) as client:
        stream = await client.chat("smollm2", messages, stream=True, options={"num_predict": 8})
        parts = [part async for part in stream]
    assert len(parts) > 2
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert "".join(part.message.content for part in parts)


async def test_chat_that_a_caller_leaves_lets_the_next_one_in(ollama_server):
    messages = [{"role": "user", "content": "Tell a long story."}]
    async with official_client(ollama_server.url) as client:
        stream = await client.chat("smollm2", messages, stream=True, options={"num_predict": 10_000})
        await anext(stream)
        await stream.aclose()
    async with official_client(ollama_server.url) as client:
        answer = await client.chat("smollm2", messages, options={"num_predict": 1})
    assert answer.done
