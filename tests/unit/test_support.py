"""What a model says is let through only where the notes say it: all of it, of the same thing, and not the contrary."""

from collections.abc import AsyncIterator

import pytest

from core.answer.checked import Unsupported, checked
from core.answer.question import ask
from core.answer.support import has_markup, is_verdict, supported

NOTES = [
    "Dogs are welcome on a lead. They must stay off the lanes.",
    "There is free parking behind the building. The bus stops in Mill Lane.",
    "The car park at the station costs £1.20 an hour.",
    "You may not bring your own food or drinks, except for birthday cakes.",
    "Opening hours: Monday closed, Tuesday and Wednesday 9:00 to 18:00, Sunday closed.",
    "Single game: £8.50, 20 minutes.",
]


async def pieces(text: str) -> AsyncIterator[str]:
    for word in text.split(" "):
        yield f"{word} "


async def shown(text: str, question: str = "what about it?") -> str:
    parts = [part async for part in checked(pieces(text), ask(question), NOTES)]
    return "".join(parts).strip()


@pytest.mark.parametrize(
    "text",
    [
        "Dogs are welcome on a lead.",
        "Yes, dogs are welcome on a lead.",
        "Yes. Dogs are welcome on a lead.",
        "Dogs are welcome, but must stay off the lanes. Just bring them along!",
        "There is free parking behind the building.",
        "You may not bring your own drinks.",
        "No, you may not bring your own food.",
        "We are closed on Monday.",
        "On Tuesday we are open from 9:00 to 18:00.",
        "A single game costs £8.50.",
    ],
)
async def test_what_the_notes_say_is_shown(text):
    assert text == await shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "Dogs are welcome if they have a wheelchair.",
        "A single game is a free service for all customers.",
        "A single game is complimentary.",
        "Parking costs nothing at the station.",
        "The bus costs £1.20 an hour.",
        "Apply the nail polish in two thin layers.",
        "Dogs are not welcome on a lead.",
        "You may bring your own drinks.",
        "No, dogs are welcome on a lead.",
        "Yes, you may not bring your own food.",
        "We are open on Monday.",
        "On Monday we are open from 9:00 to 18:00.",
        "On Tuesday we are closed.",
        "Yes.",
        "No!",
        "Of course.",
    ],
)
async def test_what_they_do_not_say_is_not(text):
    with pytest.raises(Unsupported):
        await shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "Dogs are welcome.<br>",
        "<note>Dogs are welcome.",
        "Dogs are welcome at [address].",
        "Dogs are welcome, {name}.",
        "According to the notes dogs are welcome.",
        "Note: dogs are welcome.",
        "Dogs &nbsp; are welcome.",
    ],
)
async def test_marks_of_pages_forms_and_prompts_never_are(text):
    assert has_markup(text, NOTES)
    with pytest.raises(Unsupported):
        await shown(text)


def test_a_mark_that_a_note_has_is_the_shops_own():
    assert not has_markup("Press [A] at the door.", ["Press [A] at the door."])


def test_a_verdict_is_one_only_where_nothing_follows():
    assert is_verdict("Yes!")
    assert not is_verdict("Yes, on a lead.")
    assert not is_verdict("Yesterday.")


def test_words_may_come_from_two_sentences_that_follow_each_other_but_not_from_two_notes():
    assert supported("Dogs on a lead must stay off the lanes.", NOTES)
    assert not supported("Dogs must stay behind the building.", NOTES)
