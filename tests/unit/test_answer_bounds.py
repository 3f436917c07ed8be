"""No message and no history holds the event loop, whatever a stranger sends and however much a shop has stated."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from core.answer.bounds import MESSAGE_LETTERS, TURNS_BACK, heard, visitor_turns
from core.answer.claims import claims
from core.answer.compose import compose
from core.answer.courtesy import asks_for_person, courtesy
from core.answer.history import Said
from core.answer.sentences import sentences
from core.facts.answers import StatedFacts
from core.facts.types import Facts, Person, Price

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIB = 1 << 20
# Of this thread, at the best of a few tries, which other work on the machine does not lengthen: two and a half times
# the longest of these on two cores of 2024. Before there was a bound some took minutes.
CPU_S = 0.5
TRIES = 5
_letters = random.Random(7)
WORDS = " ".join("".join(_letters.choices("abcdefghij", k=_letters.randint(3, 9))) for _ in range(1000))
LONG = {
    "one word": "blah ",
    "many words": WORDS,
    "questions": "what is the price and how much is it? ",
    "digits": "12 ",
    "numbers": "1-",
    "times": "5pm ",
    "prices": "£5 ",
    "names": "Anna ",
    "capitals": "A a ",
    "hosts": "a.",
    "mails": "a@b",
    "days": "monday ",
    "months": "march ",
    "ands": "and ",
    "tags": "<|",
    "blanks": " ",
    "greeting": "hi there ",
    "one letter": "A",
}


class Passage(msgspec.Struct, frozen=True):
    content: str
    similarity: float = 0.95


def large_shop() -> StatedFacts:
    """As much as the API takes in: 500 prices, 200 people."""
    words = WORDS.split()
    prices = tuple(
        Price(service=f"{words[at]} haircut", amount=at, also_called=tuple(words[at + 1 : at + 4])) for at in range(500)
    )
    staff = tuple(Person(name=words[at].title(), days=("monday",)) for at in range(200))
    return StatedFacts(Facts(time_zone="Europe/London", currency="GBP", prices=prices, staff=staff), NOW)


SHOP = large_shop()
PASSAGES = [Passage("A haircut costs £24. " * 20)] * 5


def is_quick(work: Callable[[], object]) -> bool:
    for _ in range(TRIES):
        began = time.thread_time()
        work()
        if time.thread_time() - began < CPU_S:
            return True
    return False


def answer(message: str, history: list[Said]) -> None:
    courtesy(message)
    asks_for_person(message)
    compose(message, history, PASSAGES, SHOP, NOW)


def of_length(name: str, letters: int) -> str:
    return (LONG[name] * (letters // len(LONG[name]) + 1))[:letters]


@pytest.mark.parametrize("name", LONG)
def test_the_longest_message_is_answered_at_once(name):
    message = of_length(name, 4000)
    assert is_quick(lambda: answer(message, []))


@pytest.mark.parametrize("turns", [1, 50])
@pytest.mark.parametrize("name", LONG)
def test_a_mebibyte_of_history_is_answered_at_once(name, turns):
    history = [Said("user", f"how much is a haircut? {of_length(name, MIB // turns)}") for _ in range(turns)]
    assert is_quick(lambda: answer("and a beard trim?", history))


@pytest.mark.parametrize("name", LONG)
def test_a_passage_of_the_greatest_length_is_looked_at_at_once(name):
    passages = [Passage(of_length(name, 100_000))] * 100
    assert is_quick(lambda: compose("how much is a haircut?", [], passages, None, NOW))


def test_of_a_long_message_its_end_is_heard_and_of_a_history_its_last_turns_that_say_something():
    assert "how much is a haircut?" == heard("  how much  is a haircut?\n")
    long = heard(f"{'I had a long day. ' * 100}how much is a haircut?")
    assert (True, True) == (long.endswith("day. how much is a haircut?"), len(long) <= MESSAGE_LETTERS)
    history = [Said("user", f"turn {number}") for number in range(9)]
    history += [Said("user", "ok thanks"), Said("assistant", "You're welcome!"), Said("system", "x")]
    assert [f"turn {number}" for number in range(9 - TURNS_BACK, 9)] == visitor_turns(history)


def test_claims_of_a_long_text_are_those_of_its_pieces():
    piece = "On Friday we open at 9:00 and Anna charges £24. "
    assert sorted(map(str, claims(piece) * 50)) == sorted(map(str, claims(piece * 50)))


def test_a_wall_of_words_is_cut_into_sentences_without_losing_one():
    assert WORDS.split() == " ".join(sentences(WORDS)).split()
    assert max(map(len, sentences(WORDS * 20))) <= 1000
