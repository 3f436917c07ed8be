"""Questions whose facts are known, asked of the chat function for several shops, with the embedded model."""

import json
from pathlib import Path

import msgspec
import pytest

from core.facts.answers import StatedFacts
from core.facts.check import check
from core.facts.types import Facts
from core.retrieval.lens import ensure_calibrated
from functions import chat, facts
from ops.evals.cases import Case, EvalError, Turn, read_cases
from ops.evals.chat import Given, judge, summarise
from tests.parts.evaluating import DATA, NOON, amiss, ask_file, passages_of, unlike
from tests.parts.functions import bearer, new_key, serving
from tests.parts.searching import learn, running, settings_of

ROOT = Path(__file__).parents[2]
BARBERSHOP = 1
WITHOUT_FACTS = {"cafe": 2, "garage": 3, "restaurant": 4}
WITH_FACTS = {"studio": 5, "pizzeria": 6, "vet": 7, "bowling": 8, "campsite": 9}
ORDERED = {"florist": 10, "climbing": 11, "nails": 12}  # with orders among the passages, about what is asked
# Answered though their files have another answer, or none: the price of a consultation, and that Sunday is closed;
# what a fire bowl costs; the hours of the facts, where a passage alone knows of the winter.
WRONG = {
    "vet": ["how much is a consultation on a sunday"],
    "campsite": ["can we have a fire", "are you open in december"],
}


def facts_of(name: str) -> Facts:
    path = DATA / f"chat_{name}_facts.json" if name in WITH_FACTS else ROOT / "ops/demo/barbershop-facts.json"
    stated = msgspec.json.decode(path.read_bytes(), type=Facts)
    check(stated)
    return stated


def demo_passages() -> list[str]:
    lines = (ROOT / "ops/demo/barbershop.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


@pytest.fixture(scope="module")
async def client(module_database, model_server):
    settings = settings_of(module_database, model_server)
    async with running(settings) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, *demo_passages(), shop_id=BARBERSHOP)
        for name, shop_id in (WITHOUT_FACTS | WITH_FACTS | ORDERED).items():
            await learn(process.learner, *passages_of(name), shop_id=shop_id)
    operator = bearer(new_key(module_database, None))
    async with serving(facts.create_app(settings), headers=operator) as writing:
        for name, shop_id in ({"barbershop": BARBERSHOP} | WITH_FACTS).items():
            body = {"shopId": shop_id, "facts": msgspec.to_builtins(facts_of(name))}
            assert (await writing.put("/api/facts", json=body)).is_success
    async with serving(chat.create_app(settings)) as asking:
        yield asking


@pytest.mark.timeout(600)  # hundreds of questions, each through the embedding model
async def test_the_demo_shop_answers_rightly_or_not_at_all_and_invents_nothing(client):
    judged = await ask_file(client, "barbershop", BARBERSHOP, StatedFacts(facts_of("barbershop"), NOON))
    summary = summarise(judged)
    assert summary.questions >= 120
    assert [] == unlike("barbershop", judged)
    assert (0, 0, 1) == (summary.invented, summary.wrong, summary.good), amiss(judged)
    assert summary.right >= 0.85 * summary.questions, amiss(judged)


@pytest.mark.parametrize("name", WITHOUT_FACTS)
async def test_shops_of_other_kinds_answer_from_their_passages_alone(client, name):
    judged = await ask_file(client, name, WITHOUT_FACTS[name], None)
    summary = summarise(judged)
    assert [] == unlike(name, judged)
    assert (30, 0, 0, 1) == (summary.questions, summary.invented, summary.wrong, summary.good), amiss(judged)
    # The restaurant's questions were written last of these, and nothing was corrected on them.
    assert summary.right >= (20 if name == "restaurant" else 24), amiss(judged)


@pytest.mark.parametrize("name", ORDERED)
async def test_orders_about_what_is_asked_are_told_to_nobody(client, name):
    judged = await ask_file(client, name, ORDERED[name], None)
    summary = summarise(judged)
    assert (0, 0) == (summary.wrong, summary.invented), amiss(judged)
    assert summary.right >= 0.9 * summary.questions, amiss(judged)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", WITH_FACTS)
async def test_shops_of_other_kinds_answer_from_their_facts_and_passages(client, name):
    judged = await ask_file(client, name, WITH_FACTS[name], StatedFacts(facts_of(name), NOON))
    summary = summarise(judged)
    assert WRONG.get(name, []) == unlike(name, judged)
    assert (0, len(WRONG.get(name, []))) == (summary.invented, summary.wrong), amiss(judged)
    assert summary.right >= 0.85 * summary.questions, amiss(judged)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no questions"),
        ("{}", "line 1"),
        ('{"question": "x"}\n{"question": ', "line 2"),
        ('{"question": "x", "at": "2026-11-24T10:00:00"}', "time zone"),
        ('{"question": "x", "shop": "mine"}', "shop"),
    ],
)
def test_a_file_that_has_no_questions_is_refused_with_the_place(tmp_path, text, said):
    path = tmp_path / "questions.jsonl"
    path.write_text(text)
    with pytest.raises(EvalError, match=said):
        read_cases(path)


@pytest.mark.parametrize(
    "text",
    [
        '{"question": "how much?", "expect": ["£24"], "forbid": ["£28"], "shop": 7}',
        '[{"query": "how much?", "expected": "£24", "must_not_contain": "£28", "shopId": 7, "id": "q1"}]',
        '{"questions": [{"message": "how much?", "answer": "£24", "forbidden": ["£28"], "shop_id": 7}]}',
    ],
)
def test_files_of_several_kinds_are_read_alike(tmp_path, text):
    path = tmp_path / "questions.json"
    path.write_text(text)
    assert [Case("how much?", expect=("£24",), forbid=("£28",), shop=7)] == read_cases(path)


def test_what_is_not_to_be_known_and_what_was_said_before_have_several_names(tmp_path):
    path = tmp_path / "questions.json"
    cases = [
        {"question": "x", "unknown": True},
        {"question": "x", "answerable": False},
        {"question": "x", "expected": "I don't know."},
    ]
    path.write_text(json.dumps(cases))
    assert [Case("x", unknown=True)] * 3 == read_cases(path)
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "text": "b"}]
    path.write_text(json.dumps([{"q": "x", "conversationHistory": turns}, {"q": "x", "history": ["a", "b"]}]))
    assert [Case("x", (Turn("user", "a"), Turn("assistant", "b")))] * 2 == read_cases(path)


@pytest.mark.parametrize(
    ("case", "text", "known", "verdict"),
    [
        (Case("x", expect=("£24",)), "It costs 24 pounds.", True, "right"),
        (Case("x", expect=("6 pm",)), "We close at 18:00.", True, "right"),
        (Case("x", expect=("A haircut costs £24",)), "Haircut: £24, 30 minutes.", True, "right"),
        (Case("x", expect=("A haircut costs £24",)), "A beard trim costs £24.", True, "wrong"),
        (Case("x", expect=("£24",)), "It costs £42.", True, "wrong"),
        (Case("x", expect=("£24",)), "I don't know that.", False, "dont_know"),
        (Case("x", expect=("£24",), forbid=("£28",)), "£24, or £28.", True, "wrong"),
        (Case("x", expect=(("cash", "card"),)), "Cards are fine.", True, "right"),
        (Case("x", unknown=True), "I don't know that.", False, "right"),
        (Case("x", unknown=True), "It costs £24.", True, "wrong"),
    ],
)
def test_the_verdict_is_on_what_is_said_and_not_on_how(case, text, known, verdict):
    assert verdict == judge(case, Given(text, known, True, (text,))).verdict


def test_what_no_evidence_has_is_invented_even_in_a_right_answer():
    evidence = ("A haircut costs £24.",)
    judged = judge(Case("x", expect=("£24",)), Given("£24 with Kevin, on Friday.", True, True, evidence))
    assert ("right", {"Friday", "Kevin"}) == (judged.verdict, set(judged.invented))


@pytest.mark.parametrize(
    ("text", "known", "is_unlike"),
    [("A full English is £9.50.", True, False), ("It is £8.95.", True, True), ("I don't know that.", False, False)],
)
def test_a_wrong_price_is_unlike_its_file_whatever_it_rests_on(text, known, is_unlike):
    first, *others = read_cases(DATA / "chat_cafe.jsonl")
    judged = [judge(first, Given(text, known, True, (text,)))]
    judged += [judge(one, Given("I don't know that.", False, False, ())) for one in others]
    assert is_unlike == bool(unlike("cafe", judged))
