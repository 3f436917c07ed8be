"""Prices under a condition, side by side, and all of them; asked of a bowling alley."""

import pytest

from core.facts.ages import ages_in, ages_of
from tests.unit.test_facts_dates import said

GAME = "Single game: £8.50, 20 minutes."
OLD = "Single game, 60 and over: £5.50, on Wednesdays and Thursdays only."
YOUNG = "Single game, children under 12: £6."
STUDENT = "Single game, students: £7, on Thursdays only. With a student card."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("how much is a game for my 8 year old", YOUNG),
        ("my daughter is 10, what does she pay", YOUNG),
        ("what does my son, 11, pay for a game", YOUNG),
        ("game for me and my son aged 8", f"{YOUNG} {GAME}"),
        ("i'm 67, how much is a game on thursday", OLD),
        ("how much is a game for a 67 year old on saturday", f"{OLD} {GAME}"),
        ("do kids under 5 pay", YOUNG),
        ("how much for one game for my 8 year old", YOUNG),
        ("how much is a game, I am 67", f"{OLD} {GAME}"),
        ("how much is a single game for a 30 year old", GAME),
        ("how much is a game for students on thursday", STUDENT),
        ("how much is a game for students on friday", f"{STUDENT} {GAME}"),
        ("do students get a discount", STUDENT),
    ],
)
def test_a_price_under_a_condition_is_told_where_it_is_met_and_with_the_usual_one_where_not(question, text):
    assert text == said(question)


def test_where_no_price_depends_on_an_age_the_facts_say_nothing_of_one():
    assert said("how much is a burger for my 8 year old") is None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("does a burger cost more than air hockey", "Burger: £9.50. Air hockey: £2."),
        ("is a pool table cheaper than lane hire?", "Pool table: £12, 60 minutes. Lane hire: £42, 60 minutes."),
        ("how much are a burger and air hockey", "Burger: £9.50. Air hockey: £2."),
        ("how much is a game and burger", "Game and burger: £16. On weekdays only, before 18:00."),
        ("burger", "Burger: £9.50."),
        ("can i get a burger on wednesday?", "Burger: £9.50. On Wednesdays we are open from 15:00 to 23:00."),
    ],
)
def test_things_side_by_side_and_things_that_are_only_named_have_their_prices(question, text):
    assert text == said(question)


@pytest.mark.parametrize(
    "question",
    ["is a burger cheaper than a pizza", "is a burger better", "can I get a pizza on friday", "hockey stick"],
)
def test_of_what_has_no_price_none_is_told(question):
    assert said(question) is None


def test_all_services_and_all_prices_are_told_to_who_asks_for_no_less():
    services = "We offer: Single game, Lane hire, Pool table, Birthday party, Air hockey, Game and burger and Burger."
    assert services == said("what services do you offer?")
    assert 10 == (said("what are your prices") or "").count("£")
    assert said("what services do you offer for dogs") is None


@pytest.mark.parametrize(
    ("variant", "ages"),
    [
        ("children under 12", range(12)),
        ("children up to 12 years", range(13)),
        ("teenagers from 12 to 17", range(12, 18)),
        ("aged 65 and over", range(65, 131)),
        ("65+", range(65, 131)),
        ("dogs up to 10 kg", None),
        ("large, 16 inch", None),
        ("groups of 10 to 20 people", None),
        ("students", None),
    ],
)
def test_whose_a_price_is_may_be_told_by_age(variant, ages):
    assert ages == ages_of(variant)


@pytest.mark.parametrize(
    ("question", "ages"),
    [
        ("my son is 14, what does he pay", [14]),
        ("a cut for a 70-year-old", [70]),
        ("i'm 15 minutes late", []),
        ("my kids are 8 year old and 10 years old", [8, 10]),
        ("is 10 ok?", []),
        ("I am 2 miles away", []),
    ],
)
def test_the_ages_that_a_question_names(question, ages):
    assert ages == ages_in(question)
