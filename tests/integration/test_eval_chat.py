"""Questions whose facts are known, asked of three shops over a real database and the embedded model."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from core.answer.compose import asked_in
from core.facts.answers import StatedFacts
from core.facts.check import check
from core.facts.types import Facts
from core.retrieval.lens import ensure_calibrated
from ops.evals.asking import answered
from ops.evals.chat import EvalError, judge, read_cases, summarise
from tests.parts.searching import learn, running, settings_of

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
BARBERSHOP = 1
OTHERS = {"cafe": 2, "garage": 3, "restaurant": 4}
FACTS = msgspec.json.decode((ROOT / "ops/demo/barbershop-facts.json").read_bytes(), type=Facts)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def demo_passages() -> list[str]:
    lines = (ROOT / "ops/demo/barbershop.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def passages_of(name: str) -> list[str]:
    return json.loads((DATA / f"chat_{name}_passages.json").read_text("utf-8"))


@pytest.fixture(scope="module")
async def shops(module_database, model_server):
    async with running(settings_of(module_database, model_server)) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, *demo_passages(), shop_id=BARBERSHOP)
        for name, shop_id in OTHERS.items():
            await learn(process.learner, *passages_of(name), shop_id=shop_id)
        yield process


async def asked(shops, name, shop_id, stated):
    judged = []
    for case in read_cases(DATA / name):
        timed = case if case.at else msgspec.structs.replace(case, at=NOON)
        found, _ = await shops.ask(asked_in(case.question, case.history), shop_id=shop_id, limit=5)
        judged.append(judge(timed, answered(timed, found.results, stated)))
    return summarise(judged), [one for one in judged if one.verdict == "wrong" or one.invented]


async def test_the_demo_shop_answers_rightly_or_not_at_all_and_invents_nothing(shops):
    check(FACTS)
    summary, amiss = await asked(shops, "chat_barbershop.jsonl", BARBERSHOP, StatedFacts(FACTS, NOON))
    assert summary.questions >= 120
    assert (0, True) == (summary.invented, summary.good >= 0.9), amiss
    assert summary.right >= 0.85 * summary.questions, amiss


@pytest.mark.parametrize("name", OTHERS)
async def test_shops_of_other_kinds_answer_from_their_passages_alone(shops, name):
    summary, amiss = await asked(shops, f"chat_{name}.jsonl", OTHERS[name], None)
    assert (30, 0, True) == (summary.questions, summary.invented, summary.good >= 0.9), amiss
    # The restaurant's questions were written last, and nothing was corrected on them.
    assert summary.right >= (20 if name == "restaurant" else 24), amiss


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "has no questions"),
        (b"{}", "line 1"),
        (b'{"question": "x", "answer": "y"}', "line 1"),
        (b'{"question": "x", "at": "2026-11-24T10:00:00"}', "time zone"),
    ],
)
def test_a_file_that_breaks_the_format_is_refused_with_its_line(tmp_path, line, said):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(line)
    with pytest.raises(EvalError, match=said):
        read_cases(path)
