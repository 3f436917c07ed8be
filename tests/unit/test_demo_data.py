"""The demo shop, its questions and the calibration shops say what they promise to say."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = [json.loads(line) for line in (ROOT / "ops/demo/barbershop.jsonl").read_text("utf-8").splitlines()]
QUESTIONS = json.loads((ROOT / "tests/data/demo_questions.json").read_text("utf-8"))
CALIBRATION = sorted((ROOT / "core/retrieval/calibration").glob("*.json"))


def test_the_demo_shop_has_at_least_forty_passages_each_with_a_source_of_its_own():
    sources = [row["source"] for row in DEMO]
    assert len(sources) >= 40
    assert len(set(sources)) == len(sources)


@pytest.mark.parametrize("row", DEMO, ids=lambda row: row["source"])
def test_a_demo_passage_is_what_learn_accepts(row):
    assert {"text", "category", "source", "metadata"} == set(row)
    assert len(row["text"]) >= 10
    assert row["source"].startswith(row["category"] + "/")
    assert isinstance(row["metadata"], dict)


@pytest.mark.parametrize("row", [row for row in DEMO if "price" in row["metadata"]], ids=lambda row: row["source"])
def test_a_price_in_the_metadata_is_the_price_in_the_text(row):
    assert f"£{row['metadata']['price']}" in row["text"]


def test_prices_that_are_told_against_each_other_add_up():
    price = {row["source"]: row["metadata"].get("price") for row in DEMO}
    text = {row["source"]: row["text"] for row in DEMO}
    apart = price["prices/haircut"] + price["prices/beard-trim"]
    assert f"they would be £{apart}" in text["prices/cut-and-beard"]
    assert f"instead of £{price['prices/haircut']} " in text["prices/students"]
    assert price["prices/father-and-son"] < price["prices/haircut"] + price["prices/children"]


def test_forty_questions_name_a_passage_that_exists_and_fifteen_name_none():
    sources = {row["source"] for row in DEMO}
    named = [row["source"] for row in QUESTIONS["answerable"]]
    assert len(named) == 40
    assert set(named) <= sources
    assert len(QUESTIONS["foreign"]) == 15
    asked = [row["question"] for row in QUESTIONS["answerable"]] + QUESTIONS["foreign"]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("path", CALIBRATION, ids=lambda path: path.stem)
def test_a_calibration_shop_asks_both_what_it_can_answer_and_what_it_cannot(path):
    shop = json.loads(path.read_text("utf-8"))
    ids = [row["id"] for row in shop["passages"]]
    answers = [row["passage"] for row in shop["questions"]]
    assert len(set(ids)) == len(ids) >= 8
    assert set(answers) - {None} <= set(ids)
    assert len([answer for answer in answers if answer]) >= 8
    assert answers.count(None) >= 8


def test_no_calibration_shop_is_the_kind_of_business_that_the_demo_is_judged_by():
    assert len(CALIBRATION) >= 8
    for path in CALIBRATION:
        assert "barber" not in path.read_text("utf-8").lower()
