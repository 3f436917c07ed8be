"""The shop's own name in a question: replaced where it is the name, and nowhere else."""

import time

import pytest

from core.retrieval.naming import without_names

COMB = ["The Copper Comb"]


@pytest.mark.parametrize(
    ("question", "names", "asked"),
    [
        ("Is there parking at The Copper Comb?", COMB, "Is there parking at it?"),
        ("does the copper comb have parking", COMB, "does it have parking"),
        ("copper-comb opening hours", COMB, "it opening hours"),
        ("What are Copper Comb's prices?", COMB, "What are it prices?"),
        ("can I bring a pet to A & B Guest House", ["A AND B GUEST HOUSE"], "can I bring a pet to it"),
        ("Is Zoetrope open?", ["ZOETROPE"], "Is it open?"),
        ("is Zizzi or Zizzi Garden open", ["Zizzi", "Zizzi Garden"], "is it or it open"),
        ("is the Café Olé open", ["Café Olé"], "is it open"),
    ],
)
def test_the_name_becomes_it(question, names, asked):
    assert asked == without_names(question, names)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("is copper bad for hair", COMB),
        ("copper combed hair", COMB),  # the end of a word
        ("does hair grow", ["Hair"]),  # one word, without its capital
        ("do you cut hair", ["hair"]),
        ("The Copper Comb", COMB),  # nothing else is said
        ("the copper comb?", COMB),
        ("is it open", []),
        ("is it (open", ["(", "The", "&"]),  # names without a word
        ("what of acb", ["a.b"]),  # no pattern of the name's signs
    ],
)
def test_what_is_no_name_stays(question, names):
    assert question == without_names(question, names)


def test_a_name_that_is_a_book_is_no_name_and_takes_no_time():
    book = " ".join(f"w{number}" for number in range(200_000))
    begun = time.process_time()
    assert "is w1 open" == without_names("is w1 open", [book])
    assert "is it open" == without_names("is Copper Comb open", [book, *COMB])
    assert time.process_time() - begun < 1
