"""One answer of the chat model: in line, written, checked sentence by sentence, given up where it does not hold."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from core.answer.checked import Unsupported, checked
from core.answer.compose import stranger
from core.answer.events import Answered, Event, Ground, Rung, Source, Sources, Status, Token, source_of
from core.answer.offers import more_unknown
from core.answer.prompt import notes_of, prompt
from core.answer.question import ask
from core.answer.turn import FACTS_CATEGORY
from core.errors import ModelOverloaded, ModelUnavailable
from core.facts.evidence import relevant
from core.models.slots import Ticket
from core.models.writer import Writer
from core.retrieval.similarity import DEFAULT_THRESHOLD

PATIENCE_S = 0.5
_log = logging.getLogger(__name__)


class Writing:
    """`failed`: nothing of the model's was shown, another answer is needed; `degraded`: since the model cannot."""

    def __init__(self, writer: Writer, ground: Ground, deadline_s: float) -> None:
        self._writer = writer
        self._ground = ground
        self._expires_at = asyncio.get_running_loop().time() + deadline_s
        self._facts = notes_of(relevant(ground.stated, ground.asked, ground.question.now), ())
        sure = [one for one in ground.results if one.similarity >= DEFAULT_THRESHOLD]
        self._shown = sure[: ground.question.limit]
        self._notes = notes_of(self._facts, [result.content for result in self._shown])
        self._said = self._blanks = ""
        self.degraded: Rung | None = ground.degraded
        self.failed = False

    async def events(self) -> AsyncGenerator[Event, None]:
        """The events of the answer, an Answered at their end unless it `failed`."""
        if not self._notes or stranger(self._ground.asked, self._notes):
            self.failed = True
            return
        try:
            async with aclosing(self._in_turn()) as events:
                async for event in events:
                    yield event
        except (ModelUnavailable, ModelOverloaded) as error:
            _log.warning("answered without the model: %s", error.__cause__ or error)
            self.degraded = self.degraded or "llm"
            self.failed = not self._said
        except Unsupported as unsupported:
            _log.info("not shown, since nothing supports it: %s", unsupported)
            self.failed = not self._said
            if self._said:
                self._blanks = " "
                yield self._token(more_unknown(waits=self._ground.question.waits))
        if not self.failed:
            yield self._answered()

    async def _in_turn(self) -> AsyncGenerator[Event, None]:
        self._writer.check()
        ticket = self._writer.slots.join()
        try:
            async with aclosing(self._waiting(ticket)) as waiting:
                async for event in waiting:
                    yield event
            yield Status("writing")
            async with aclosing(self._sentences()) as sentences:
                async for event in sentences:
                    yield event
        finally:
            ticket.leave()

    async def _waiting(self, ticket: Ticket) -> AsyncGenerator[Event, None]:
        told: int | None = None
        while not await ticket.ready(0 if told is None else PATIENCE_S):
            if asyncio.get_running_loop().time() > self._expires_at:
                raise ModelOverloaded("the time ran out in line for the model")
            if ticket.ahead != told:
                told = ticket.ahead
                yield Status("waiting", told)

    async def _sentences(self) -> AsyncGenerator[Event, None]:
        question = self._ground.question
        pieces = self._writer.write(prompt(question.message, question.history, self._notes), self._expires_at)
        async with aclosing(pieces):
            async for sentence in checked(pieces, ask(self._ground.asked), self._notes):
                if not self._said:
                    yield Sources(self._sources)
                yield self._token(sentence)

    def _token(self, text: str) -> Token:
        """Blanks at its end wait for what follows: all tokens joined are the answer."""
        text = self._blanks + text if self._said else text.lstrip()
        shown = text.rstrip()
        self._blanks = text[len(shown) :]
        self._said += shown
        return Token(shown)

    @property
    def _sources(self) -> tuple[Source, ...]:
        """All that the model was shown: what holds of its answer stands there."""
        facts = [Source(" ".join(self._facts), FACTS_CATEGORY, 1.0, None)] if self._facts else []
        return (*facts, *map(source_of, self._shown))

    def _answered(self) -> Answered:
        ground = self._ground
        as_of = ground.stated.as_of if self._facts and ground.stated is not None else None
        return Answered(self._said, "written", self._sources, self.degraded, as_of, ground.age_s)
