"""`/v1/chat/completions`: a shop's assistant as if it were a model."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
import uuid_utils.compat as uuid_utils
from litestar import post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse

from core.answer.assistant import whole
from core.answer.events import Answered, Question, Token
from core.answer.events import Event as AnswerEvent
from core.http.events import Event, EventStream, while_there
from core.http.problems import openai_error, told_in_stream
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.observe.trace import mark
from core.recording import record_turn, turn_of
from core.services import Services
from functions.openai.structs import CompletionRequest, CompletionResponse, Usage, shop_of

COMPLETIONS = "/v1/chat/completions"


class _Exchange(msgspec.Struct, frozen=True):
    """One question of one client, and what is needed to answer in its form."""

    services: Services
    data: CompletionRequest
    question: Question
    id: str
    is_rehearsal: bool

    async def record(self, answer: Answered) -> None:
        if self.is_rehearsal:
            return
        turn = turn_of(
            answer,
            self.question.message,
            shop_id=self.question.shop_id,
            conversation_id=uuid_utils.uuid7(),
            user_id=self.data.person,
        )
        await record_turn(self.services, turn)

    def chunk(self, delta: dict[str, str] | None, finish: str | None = None, usage: Usage | None = None) -> Event:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        body: dict[str, Any] = {"id": self.id, "object": "chat.completion.chunk", "created": int(time.time())}
        body |= {"model": self.data.model, "choices": choices, "usage": usage}
        return Event(None, msgspec.json.encode(body))


@post(COMPLETIONS, **answers(CompletionResponse, "read", body=True, events=True))
async def complete(request: EdgeRequest, data: JSONBody[CompletionRequest]) -> ASGIResponse:
    """Answer the last message of a conversation as the shop's assistant."""
    shop_id = shop_of(data.model, request.key_shop)
    request.claim_shop(shop_id)
    message, before = data.to_turns()
    question = Question(message=message, shop_id=shop_id, now=request.now, history=before)
    answer_id = f"chatcmpl-{uuid_utils.uuid7().hex}"
    exchange = _Exchange(request.services, data, question, answer_id, request.is_rehearsal)
    events = request.services.assistant.answer(question)
    if data.stream:
        return EventStream(_chunks(exchange, events))
    work = asyncio.create_task(whole(events))
    if not await while_there(request.receive, work):
        return ASGIResponse(status_code=204)  # nobody reads it
    answer = work.result()
    await exchange.record(answer)
    return ASGIResponse(body=msgspec.json.encode(CompletionResponse.of(exchange.id, data.model, message, answer)))


async def _chunks(exchange: _Exchange, events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[Event, None]:
    yield exchange.chunk({"role": "assistant", "content": ""})
    async with aclosing(events):
        try:
            async for event in events:
                if isinstance(event, Token):
                    yield exchange.chunk({"content": event.text})
                    mark("token")
                elif isinstance(event, Answered):
                    await exchange.record(event)
                    yield exchange.chunk({}, "stop")
                    if (options := exchange.data.stream_options) is not None and options.include_usage:
                        yield exchange.chunk(None, usage=Usage.of(exchange.question.message, event.text))
        except Exception as error:  # noqa: BLE001 - the status is sent: the problem is a chunk
            yield Event(None, msgspec.json.encode({"error": openai_error(told_in_stream(error))}))
            return
    yield Event(None, b"[DONE]")
