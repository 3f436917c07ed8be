"""What clients of OpenAI's API send and get: the fields that have a meaning here, others are passed over."""

import re
import time
from typing import Annotated, Literal

import msgspec

from core.answer.events import Answered
from core.answer.history import Said, tokens_of
from core.errors import FieldError, InvalidRequest
from core.http.fields import present

MOST_MESSAGES = 200
MOST_TEXTS = 256
MOST_LETTERS = 4000
Person = Annotated[str, msgspec.Meta(max_length=200)]
_SHOP = re.compile(r"shop-([1-9][0-9]{0,8})")


class Part(msgspec.Struct, frozen=True):
    """A part of a message; only text is read."""

    type: str
    text: str = ""


class Message(msgspec.Struct, frozen=True):
    """A message; of roles only `user` and `assistant` count, since no caller sets the rules."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The text of the message."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type in {"text", "input_text"})
        return self.content or ""


class StreamOptions(msgspec.Struct, frozen=True):
    """`include_usage`: one chunk more, with the counts of tokens."""

    include_usage: bool = False


class CompletionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation whose last message is a user's; `model` is `shop-N`, or anything for the key's own shop.

    `user`, or by its newer name `safety_identifier`, is whoever asks: what they said is forgotten by it.
    """

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    messages: Annotated[list[Message], msgspec.Meta(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    user: Person | None = None
    safety_identifier: Person | None = None

    @property
    def person(self) -> str | None:
        """Who asks, where the client says."""
        return present(self.user) or present(self.safety_identifier)

    def to_turns(self) -> tuple[str, list[Said]]:
        """The question, and what was said before; raises InvalidRequest when the last message is no question."""
        last = self.messages[-1]
        question = last.text.strip()
        if last.role != "user" or not 1 <= len(question) <= MOST_LETTERS:
            rule = f"expected a message of a user of 1 to {MOST_LETTERS} characters at the end"
            raise InvalidRequest(f"messages: {rule}", errors=(FieldError("/messages", rule),))
        return question, [Said(message.role, message.text) for message in self.messages[:-1]]


class Usage(msgspec.Struct, frozen=True):
    """Tokens by estimate: an answer of facts or passages was made without any."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, prompt: str, answer: str) -> "Usage":
        """The counts of a prompt and its answer."""
        asked, said = tokens_of(prompt), tokens_of(answer)
        return cls(asked, said, asked + said)


class AnswerMessage(msgspec.Struct, frozen=True):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str


class Choice(msgspec.Struct, frozen=True):
    """The one answer."""

    index: int
    message: AnswerMessage
    finish_reason: Literal["stop"]


class CompletionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A chat completion."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage

    @classmethod
    def of(cls, answer_id: str, model: str, asked: str, answer: Answered) -> "CompletionResponse":
        """The completion that an answer is."""
        choice = Choice(0, AnswerMessage("assistant", answer.text), "stop")
        return cls(
            id=answer_id,
            object="chat.completion",
            created=int(time.time()),
            model=model,
            choices=[choice],
            usage=Usage.of(asked, answer.text),
        )


class EmbeddingsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to embed with the shop's embedding model, whose name `model` is."""

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    input: str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None

    @property
    def texts(self) -> list[str]:
        """The texts in their order."""
        return [self.input] if isinstance(self.input, str) else self.input


class Embedding(msgspec.Struct, frozen=True):
    """A unit vector: numbers, or float32, little-endian, in base64."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingsUsage(msgspec.Struct, frozen=True):
    """Tokens by estimate."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(msgspec.Struct, frozen=True):
    """The vectors, in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingsUsage


class Model(msgspec.Struct, frozen=True):
    """What may stand as `model`."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsResponse(msgspec.Struct, frozen=True):
    """All that may stand as `model`."""

    object: Literal["list"]
    data: list[Model]


def shop_of(model: str, key_shop: int | None) -> int:
    """The shop that a model's name means; raises InvalidRequest where neither it nor the key names one."""
    if match := _SHOP.fullmatch(model):
        return int(match[1])
    if key_shop is not None:
        return key_shop
    rule = "with an operator's key name the shop: shop-1"
    raise InvalidRequest(f"model: {rule}", errors=(FieldError("/model", rule),))
