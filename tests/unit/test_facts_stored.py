"""Facts written by a newer release are read by an older one: as far as it understands them, and never wrongly."""

import json
from pathlib import Path

import msgspec
import pytest

from core.facts.stored import from_document, to_document
from core.facts.types import Facts

DEMO = json.loads((Path(__file__).parents[2] / "ops/demo/barbershop-facts.json").read_text("utf-8"))


def newer(**changes):
    return {**json.loads(json.dumps(DEMO)), **changes}


def test_what_is_written_is_read_again():
    facts = msgspec.convert(DEMO, Facts)
    assert facts == from_document(to_document(facts))


def test_fields_without_a_name_here_are_passed_over_wherever_they_stand():
    document = newer(parking={"spaces": 3})
    document["prices"][0]["deposit"] = 500
    document["hours"]["week"]["tuesday"][0]["lastOrders"] = "17:30"
    document["hours"]["seasons"] = []
    document["payment"]["tips"] = True
    assert msgspec.convert(DEMO, Facts) == from_document(document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prices", [*DEMO["prices"], {"service": "Ear candle", "amount": "on request"}]),
        ("hours", {**DEMO["hours"], "publicHolidays": "byCouncil"}),
        ("staff", {"on": "rota"}),
        ("phone", "+44 1632 960118 ext. 4"),
    ],
)
def test_a_fact_with_a_value_it_cannot_read_is_unknown_as_a_whole_and_the_others_are_there(name, value):
    without = msgspec.convert({key: item for key, item in DEMO.items() if key != name}, Facts)
    assert without == from_document(newer(**{name: value}))


@pytest.mark.parametrize("document", [{}, {"timeZone": 3}, {**DEMO, "timeZone": ["Europe/London"]}])
def test_facts_without_a_time_zone_are_none(document):
    assert from_document(document) is None
