"""A message that asks two things is answered in both, or says which of them it does not know."""

import pytest

from core.answer.parts import parts_of
from tests.unit.test_facts_dates import said

SATURDAY = "On Saturdays we are open from 11:00 to 3:00."
PAYING = "Yes. We take Visa, Mastercard and cash. We do not take American Express and cheques."


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("price of a burger, and do you take cash?", ["price of a burger", "do you take cash?"]),
        ("open saturday and who's working?", ["open saturday", "who's working on saturday?"]),
        ("Hi! Are you open tomorrow? How much is pool?", ["Are you open tomorrow?", "How much is pool?"]),
        ("how much is a game and a burger?", ["how much is a game and a burger?"]),
        ("hello, how much is a game", ["hello, how much is a game"]),
        ("are you open on saturday", ["are you open on saturday"]),
    ],
)
def test_a_message_is_taken_apart_where_a_question_begins(message, parts):
    assert parts == parts_of(message)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("price of a burger, and do you take cash?", f"Burger: £9.50. {PAYING}"),
        ("open saturday and who's working?", f"{SATURDAY} On Saturdays: April Sunday and Jude May."),
        (
            "are you open saturday? do you have wifi?",
            f"{SATURDAY} About \u201cdo you have wifi\u201d I don't know; please ask that by itself.",
        ),
    ],
)
def test_each_part_has_its_answer_or_is_said_to_have_none(question, text):
    assert text == said(question)


@pytest.mark.parametrize(
    ("question", "before", "text"),
    [
        ("and both together?", ("how much for a burger", "and a game"), "Game and burger: £16."),
        ("and with a game?", ("how much is a burger", "ok thanks"), "Game and burger: £16."),
        ("and with a pizza?", ("how much is a burger",), None),
        ("and the day after?", ("are you open on boxing day",), "On Sunday 27 December 2026 we are closed."),
        ("and the day before?", ("are you open on boxing day",), "On Friday 25 December 2026 (Christmas Day)"),
        ("where are you", ("how much does she charge",), "Our address: Ninepin Hall"),
        ("how much is it?", (), None),
        ("does he work on friday", (), None),
        ("and both together?", (), None),
    ],
)
def test_what_refers_back_has_what_it_refers_to_or_no_answer(question, before, text):
    found = said(question, *before)
    assert found is None if text is None else (found or "").startswith(text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("email address", "Our e-mail address: play@ninepin.example."),
        ("what is your website address?", "Our website: https://ninepin.example."),
        ("which street is it in", None),
        ("what payment methods do you accept", PAYING.removeprefix("Yes. ")),
        ("when did you open", None),
        ("last booking?", None),
        (
            "can I book for tomorrow at 4?",
            (
                "On Friday 27 November 2026 we are open from 15:00 to 2:00. "
                "You book a lane at ninepin.example/book or by phone."
            ),
        ),
        ("can I book for sunday", "On Sunday 29 November 2026 we are closed."),
    ],
)
def test_the_answer_is_of_the_kind_that_is_asked_for(question, text):
    assert text == said(question)
