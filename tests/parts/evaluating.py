"""Files of questions asked of the chat function over a real database, as `edge eval-chat` asks them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from core.facts.answers import StatedFacts
from ops.evals.asking import Reply, given, request_of
from ops.evals.cases import Case, read_cases
from ops.evals.chat import Judged, judge

DATA = Path(__file__).parents[1] / "data"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def passages_of(name: str) -> list[str]:
    return json.loads((DATA / f"chat_{name}_passages.json").read_text("utf-8"))


async def ask(client, case: Case, shop_id: int, stated: StatedFacts | None) -> Judged:
    timed = case if case.at else msgspec.structs.replace(case, at=NOON)
    body, headers = request_of(timed, shop_id)
    response = await client.post("/api/chat", json=body, headers=headers)
    assert response.status_code == 200, response.text
    return judge(timed, given(timed, msgspec.json.decode(response.content, type=Reply), stated))


async def ask_file(client, name: str, shop_id: int, stated: StatedFacts | None) -> list[Judged]:
    return [await ask(client, case, shop_id, stated) for case in read_cases(DATA / f"chat_{name}.jsonl")]


def amiss(judged: list[Judged]) -> list[Judged]:
    return [one for one in judged if one.verdict == "wrong" or one.invented]


def unlike(name: str, judged: list[Judged]) -> list[str]:
    """The questions whose answers claim to know and are not what their file says, by its letters alone.

    An answer without a model is made of what it rests on, of which the product's own check can miss nothing.
    """
    cases = read_cases(DATA / f"chat_{name}.jsonl")
    pairs = zip(cases, judged, strict=True)
    return [case.question for case, one in pairs if one.known and not _as_written(case, one.answer.casefold())]


def _as_written(case: Case, said: str) -> bool:
    choices = [(item,) if isinstance(item, str) else item for item in case.expect]
    expected = all(any(choice.casefold() in said for choice in item) for item in choices)
    return bool(choices) and expected and not any(text.casefold() in said for text in case.forbid)
