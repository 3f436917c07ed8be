"""Chat speech and slips of the finger mean what they were meant to."""

import pytest

from core.answer.question import ask, weekdays
from core.answer.spelling import spelled
from core.answer.words import listed, stem, vocabulary


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("hw much 4 a cut 2moro", "how much 4 a cut tomorrow"),
        ("whn r u open", "when are you open"),
        ("wats ur phone nr?", "what is your phone number?"),
        ("cut w/ wash pls", "cut with wash please"),
        ("my son is 8yo", "my son is 8 year old"),
        ("Hw much?", "how much?"),
        ("R U OPEN", "are you OPEN"),
        ("is it OK to ask Ty or R. Nr about u@nr.example or n.example/ur", None),
        ("prices and hours", None),
    ],
)
def test_chat_speech_is_written_out_and_names_and_addresses_are_left(typed, full):
    assert (full or typed) == spelled(typed)


@pytest.mark.parametrize(
    ("word", "known"),
    [("clsoe", True), ("coat", False), ("boot", False), ("ear", False)],
)
def test_of_short_words_only_letters_that_changed_places_are_forgiven(word, known):
    assert known is listed(stem(word), vocabulary("close open cost book rate are"))


@pytest.mark.parametrize(
    ("text", "days"), [("on fridy", (4,)), ("mondy?", (0,)), ("satuday", (5,)), ("party", ()), ("daily", ())]
)
def test_a_day_is_known_with_a_slip(text, days):
    assert days == weekdays(text)


def test_a_question_in_chat_speech_asks_what_it_asks_in_full():
    typed, full = ask(spelled("whn do u clsoe on satuday")), ask("when do you close on saturday")
    assert (full.kinds, full.days, full.subject) == (typed.kinds, typed.days, typed.subject)
