"""Files of questions, read liberally: JSON or JSON lines, and each field by the names that such files give it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

_QUESTION = ("question", "query", "message", "q", "input", "prompt", "text", "user")
_EXPECT = ("expect", "expected", "expects", "must_contain", "must_include", "contains", "expected_contains", "answer",
           "answers", "expected_answer", "expected_answers", "facts", "gold", "reference", "keywords")  # fmt: skip
_FORBID = ("forbid", "forbidden", "must_not_contain", "must_not_include", "not_contains", "not_expected", "reject")
_UNKNOWN = ("unknown", "unanswerable", "expect_unknown", "dont_know", "should_refuse", "refuse", "abstain")
_ANSWERABLE = ("answerable", "is_answerable", "known")
_HISTORY = ("history", "conversationHistory", "conversation_history", "conversation", "previous", "turns", "messages")
_AT = ("at", "now", "asked_at", "askedAt", "when", "instant")
_SHOP = ("shop", "shopId", "shop_id", "tenant")
_LISTS = ("questions", "cases", "items", "data", "tests", "examples")
_SAID_UNKNOWN = frozenset(
    {"unknown", "don't know", "dont know", "i don't know", "dont_know", "unanswerable", "n/a", "none", "refuse"}
)
Expected = str | tuple[str, ...]


class Turn(msgspec.Struct, frozen=True):
    """A turn before the question."""

    role: str
    content: str


class Case(msgspec.Struct, frozen=True):
    """A question and what its answer must say.

    `expect`: every item occurs in the answer; of an item that is a list, any. `forbid`: none occurs. `unknown`: not to
    know is right, and with nothing in `expect` nothing else is. `at`: the instant at which it is asked. `shop`: whom.
    """

    question: str
    history: tuple[Turn, ...] = ()
    expect: tuple[Expected, ...] = ()
    forbid: tuple[str, ...] = ()
    unknown: bool = False
    at: datetime | None = None
    shop: int | None = None


class EvalError(Exception):
    """A file of cases cannot be read; the message names the place."""


def read_cases(path: Path) -> list[Case]:
    """The cases of a file; raises EvalError with the place of the first that is none."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from error
    cases = [_case(value, f"{path}, {place}") for place, value in _values(raw, path)]
    if not cases:
        raise EvalError(f"{path} has no questions")
    return cases


def _values(raw: bytes, path: Path) -> Iterator[tuple[str, Any]]:
    try:
        whole = msgspec.json.decode(raw) if raw.strip() else []
    except msgspec.DecodeError:
        for number, line in enumerate(raw.splitlines(), 1):
            if line.strip():
                try:
                    yield f"line {number}", msgspec.json.decode(line)
                except msgspec.DecodeError as error:
                    raise EvalError(f"{path}, line {number}: {error}") from error
        return
    if isinstance(whole, Mapping):
        listed = next((whole[name] for name in _LISTS if isinstance(whole.get(name), list)), None)
        whole = [whole] if listed is None else listed
    yield from ((f"line {number}", value) for number, value in enumerate(whole, 1))


def _case(value: Any, place: str) -> Case:
    if isinstance(value, str):
        value = {"question": value}
    question = _first(value, _QUESTION) if isinstance(value, Mapping) else None
    if not isinstance(question, str) or not question.strip():
        raise EvalError(f"{place}: there is no `question`")
    expect = _expected(_first(value, _EXPECT))
    says_unknown = any(isinstance(item, str) and item.strip(" .!").lower() in _SAID_UNKNOWN for item in expect)
    unknown = _first(value, _UNKNOWN) is True or _first(value, _ANSWERABLE) is False or says_unknown
    return Case(
        question,
        _history(_first(value, _HISTORY), place),
        () if says_unknown else expect,
        tuple(_texts(_first(value, _FORBID))),
        unknown,
        _instant(_first(value, _AT), place),
        _shop(_first(value, _SHOP), place),
    )


def _first(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _expected(value: Any) -> tuple[Expected, ...]:
    if isinstance(value, list):
        return tuple(
            tuple(_texts(item)) if isinstance(item, list) else text for item in value for text in _or_all(item)
        )
    return tuple(_texts(value))


def _or_all(item: Any) -> list[str]:
    return [""] if isinstance(item, list) else _texts(item)


def _texts(value: Any) -> list[str]:
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [str(value)] if str(value).strip() else []


def _history(value: Any, place: str) -> tuple[Turn, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise EvalError(f"{place}: the history is no list")
    turns: list[Turn] = []
    for number, turn in enumerate(value):
        if isinstance(turn, str):
            turns.append(Turn("user" if number % 2 == 0 else "assistant", turn))
        elif isinstance(turn, Mapping) and isinstance(content := _first(turn, ("content", "text", "message")), str):
            turns.append(Turn("assistant" if turn.get("role") in {"assistant", "bot"} else "user", content))
        else:
            raise EvalError(f"{place}: a turn of the history is neither a text nor has it `content`")
    return tuple(turns)


def _instant(value: Any, place: str) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise EvalError(f"{place}: `at` is no time: {error}") from error
    if found.tzinfo is None:
        raise EvalError(f"{place}: `at` needs a time zone")
    return found


def _shop(value: Any, place: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and value > 0:
        return value
    raise EvalError(f"{place}: a shop is a number > 0")
