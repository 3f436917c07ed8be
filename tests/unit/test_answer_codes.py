"""Codes in what visitors ask: the price of one is never the price of another."""

from datetime import UTC, datetime

import msgspec
import pytest

from core.answer.compose import from_passages
from core.answer.question import ask
from core.answer.words import tokens
from core.facts.answers import StatedFacts, answer
from core.facts.types import Facts, Price

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


class Passage(msgspec.Struct, frozen=True):
    """What a search found."""

    content: str
    similarity: float


SEAL = Passage("Pump seal for the WX 289\nThe pump seal with part number GN-5294 fits the WX 289 and costs £72.", 0.9)
OTHER = Passage("Pump seal for the WX 290\nThe pump seal with part number GN-5295 fits the WX 290 and costs £15.", 0.4)
ASKED = ["how much is GN-5294", "How much is GN5294?", "price of gn-5294", "what does gn5294 cost", "GN-5294 price"]


@pytest.mark.parametrize("question", [*ASKED, "how much is part number GN 5294"])
@pytest.mark.parametrize("found", [[SEAL, OTHER], [OTHER, SEAL]])
def test_the_price_of_a_code_is_said_however_it_is_written(question, found):
    assert "£72" in from_passages(question, found, None).text


@pytest.mark.parametrize("question", ASKED)
def test_the_price_of_another_code_is_not_said(question):
    assert "unknown" == from_passages(question, [OTHER], None).kind


@pytest.mark.parametrize("question", [*ASKED, "how much is GN-5295"])
def test_a_typed_price_is_of_its_code_alone(question):
    prices = [
        Price(service="Pump seal GN-5294", amount=7200),
        Price(service="Pump seal GN-5295", amount=1500),
    ]
    stated = StatedFacts(Facts(time_zone="Europe/London", currency="GBP", prices=prices), NOW)
    said = answer(question, stated, NOW)
    assert said is not None
    assert ("£15" if "5295" in question else "£72") in said.text
    assert ("£72" if "5295" in question else "£15") not in said.text
    assert answer("how much is GN-5999", stated, NOW) is None


def test_letters_and_number_of_a_code_are_words_of_their_own():
    assert ("gn", "5294") == tokens("GN-5294") == tokens("GN5294") == tokens("gn 5294")
    assert ("open", "10am", "1st", "5kg") == tokens("open 10am 1st 5kg")


def test_a_number_is_asked_about_where_letters_stand_before_it():
    assert ("gn", "5294") == ask("how much is GN-5294").subject
    assert ("haircut",) == ask("how much is a haircut for 2 in 2026").subject


def test_the_number_of_a_part_is_no_phone_number():
    assert not ask("do you have part number GN 5294").kinds
    assert {"phone"} == ask("what is your number").kinds
    assert {"phone"} == ask("what is your phone number? my order number is 12").kinds
    assert "phone" in ask("which number do i call about item number 7").kinds
