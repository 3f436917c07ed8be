"""The offer of a person: what accepts it, what declines it, and how a visitor then gets to one."""

from datetime import UTC, datetime

import pytest

from core.answer.courtesy import asks_for_person, courtesy
from core.answer.history import Said
from core.answer.offers import MORE_UNKNOWN, WAITS, more_unknown, reply_to_offer, unknown, was_offered, way_to_person
from core.facts.answers import StatedFacts
from core.facts.types import Facts

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "message", ["yes", "Yes please!", "ok", "sure, go ahead", "yes, thanks", "please do", "that would be great"]
)
def test_who_accepts_is_understood(message):
    assert "yes" == reply_to_offer(message)


@pytest.mark.parametrize("message", ["no", "No thanks.", "nope", "never mind", "it's ok", "not now, thank you"])
def test_who_declines_is_understood(message):
    assert "no" == reply_to_offer(message)


@pytest.mark.parametrize("message", ["great, thanks", "no idea, how much is it?", "yes how much is a cut", "ok " * 100])
def test_what_says_something_else_is_no_reply(message):
    assert reply_to_offer(message) is None


def test_an_offer_stands_only_while_it_is_the_last_thing_said():
    offer = Said("assistant", unknown(waits=False))
    assert was_offered([offer, Said("user", "yes")])
    assert was_offered([Said("assistant", f"Dogs may come. {MORE_UNKNOWN}")])
    assert not was_offered([offer, Said("user", "hi"), Said("assistant", "Hello!")])
    assert not was_offered([Said("assistant", unknown(waits=True))])
    assert not was_offered([])


def test_who_waits_is_told_so_in_place_of_the_offer():
    assert f"I don't know that. {WAITS}" == unknown(waits=True)
    assert f"Beyond that I don't know. {WAITS}" == more_unknown(waits=True)


def test_the_way_to_a_person_names_what_the_facts_name():
    facts = Facts(time_zone="Europe/London", phone="01632 960777", email="play@ninepin.example")
    assert "You can also call 01632 960777 or write to play@ninepin.example." in way_to_person(
        StatedFacts(facts, NOW), waits=False
    )
    assert "also" not in way_to_person(None, waits=False)


def test_a_wish_for_somebody_who_works_there_is_a_wish_for_a_person():
    assert asks_for_person("can I speak to Marten please", ["Marten Voss"])
    assert not asks_for_person("can I speak to Kevin please", ["Marten Voss"])
    assert not asks_for_person("what does Marten speak to dogs about", ["Marten Voss"])


@pytest.mark.parametrize("message", ["great, thanks", "ok thx", "yes", "perfect", "ok great", "that's all, cheers"])
def test_a_nod_is_a_courtesy(message):
    assert courtesy(message) is not None


@pytest.mark.parametrize("message", ["great cut", "ok how much", "good friday", "nice place to park?"])
def test_a_question_that_begins_with_a_nod_is_none(message):
    assert courtesy(message) is None
