"""The chat model: a prompt in, pieces of text out as they are made; leaving closes the stream and frees the model."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Self, cast

import msgspec
import ollama

from core.errors import ModelAnswerUnusable, ModelOverloaded, ModelUnavailable, SettingsError
from core.models.breaker import Breaker
from core.models.client import UNREACHABLE, UNUSABLE, Timeouts, connect
from core.models.slots import Slots
from core.settings import Settings

# Constant: Ollama loads a model anew for another context, and would cut a longer prompt without a word.
CONTEXT_TOKENS = 4096
ANSWER_TOKENS = 256
# The likeliest words, so that the same question has the same answer.
OPTIONS = {"num_ctx": CONTEXT_TOKENS, "num_predict": ANSWER_TOKENS, "temperature": 0.0, "seed": 1}
KEEP_ALIVE = "30m"
PROVED_S = 10.0  # how long a probe counts: whoever looks every second must not keep the model at work


class Message(msgspec.Struct, frozen=True):
    """One message of a prompt."""

    role: str
    content: str


class Writer:
    """One chat model. Raises ModelUnavailable, and of it ModelAnswerUnusable for an answer that is none.

    Whoever writes holds a ticket of `slots` that is ready. After failures in a row the model is not asked for a while.
    """

    def __init__(self, url: str, model: str, slots: Slots, *, silence_s: float = 30.0) -> None:
        self.model = model
        self.slots = slots
        self._breaker = Breaker()
        self._proved_until = 0.0
        self._ollama = connect(url, Timeouts(call_s=silence_s))

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The chat model of these settings; None when they name none."""
        if settings.chat_model is None or settings.ollama_url is None:
            return None
        slots = Slots(settings.home / "run", settings.chat_concurrency, settings.chat_queue)
        try:
            return cls(settings.ollama_url, settings.chat_model, slots, silence_s=settings.chat_deadline_s)
        except ValueError as error:
            raise SettingsError(f"EDGE_OLLAMA_URL: {error}") from error

    async def close(self) -> None:
        """Close the connections; answers under way fail."""
        await self._ollama.close()  # type: ignore[no-untyped-call] # the package annotates all but this

    def check(self) -> None:
        """Raise ModelUnavailable when the model would not be asked now."""
        self._breaker.check()

    async def write(self, prompt: Sequence[Message], expires_at: float) -> AsyncGenerator[str, None]:
        """The pieces of the answer to a prompt, in order, until the loop's clock passes `expires_at`.

        Close the iterator to leave.
        """
        self._breaker.begin()
        said = False
        try:
            async with aclosing(self._stream(prompt, OPTIONS, expires_at)) as pieces:
                async for piece in pieces:
                    self._breaker.success()
                    said = said or bool(piece.strip())
                    yield piece
        except ModelUnavailable:
            self._breaker.failure()
            raise
        except BaseException:
            self._breaker.withdraw()  # whoever asked has left
            raise
        if not said:
            self._breaker.failure()
            raise ModelAnswerUnusable("the model answered with nothing")

    async def probe(self, prompt: Sequence[Message]) -> None:
        """See that the model writes, one token, unless it did so just now or is at work; raises ModelUnavailable.

        It goes past the circuit, so that a health check also finds a server that has come back. Asked with the
        beginning that all prompts share, it leaves that beginning in the model's cache.
        """
        if time.monotonic() < self._proved_until:
            return
        try:
            ticket = self.slots.join()
        except ModelOverloaded:
            return  # as many as may are in line: each of them finds out for itself
        try:
            if not await ticket.ready(0):
                return
            async with aclosing(self._stream(prompt, {**OPTIONS, "num_predict": 1}, None)) as pieces:
                async for _ in pieces:
                    pass
        except ModelUnavailable:
            self._breaker.failure()
            raise
        finally:
            ticket.leave()
        self._breaker.success()
        self._proved_until = time.monotonic() + PROVED_S

    async def _stream(
        self, prompt: Sequence[Message], options: Mapping[str, float], expires_at: float | None
    ) -> AsyncGenerator[str, None]:
        messages = [{"role": message.role, "content": message.content} for message in prompt]
        parts = await self._ollama.chat(
            self.model, messages, stream=True, think=False, options=options, keep_alive=KEEP_ALIVE
        )
        done = False
        async with aclosing(cast("AsyncGenerator[ollama.ChatResponse, None]", parts)) as stream:
            while (part := await _next(stream, expires_at)) is not None:
                yield part.message.content or ""
                done = done or bool(part.done)
        if not done:
            raise ModelAnswerUnusable("the answer of the model broke off")


async def _next(
    stream: AsyncGenerator[ollama.ChatResponse, None], expires_at: float | None
) -> ollama.ChatResponse | None:
    """The next part; None at the end."""
    try:
        async with asyncio.timeout_at(expires_at):
            return await anext(stream, None)
    except UNREACHABLE as error:
        raise ModelUnavailable("the model server does not answer") from error
    except UNUSABLE as error:
        raise ModelAnswerUnusable("the model server answered with an error") from error
