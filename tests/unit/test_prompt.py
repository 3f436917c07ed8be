"""What a model is told stays within its window, whatever letters it is written in."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.answer.history import HISTORY_TOKENS, Said, bounded, end_within, tokens_of
from core.answer.prompt import EVIDENCE_TOKENS, QUESTION_TOKENS, notes_of, prompt
from core.models.writer import ANSWER_TOKENS, CONTEXT_TOKENS

# A letter of each length in UTF-8, and an emoji of several.
LETTERS = {"ascii": "word ", "é": "é", "Cyrillic": "вода ", "Chinese": "水", "emoji": "🍕", "family": "👩‍👩‍👧‍👦"}


def bytes_beyond_ascii(text: str) -> int:
    return sum(len(letter.encode()) for letter in text if not letter.isascii())


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("turns", [1, 50])
def test_history_is_bounded_by_tokens_in_any_script(name, turns):
    text = LETTERS[name] * 5000
    kept = bounded([Said("user", text)] * turns)
    assert kept
    assert sum(tokens_of(turn.content) for turn in kept) <= HISTORY_TOKENS
    assert all(text.strip().endswith(turn.content) for turn in kept)
    assert sum(tokens_of(turn.content) for turn in kept) > 0.9 * HISTORY_TOKENS


@pytest.mark.parametrize("name", LETTERS)
def test_the_longest_of_everything_leaves_room_for_the_answer(name):
    text = LETTERS[name] * 4000
    notes = notes_of([], ["A haircut costs 24 and takes half an hour. " * 20] * 5)
    told = "".join(message.content for message in prompt(text, [Said("user", text)] * 50, notes))
    # Even where each byte of another script is a token.
    at_worst = bytes_beyond_ascii(told) + tokens_of(told.encode("ascii", "ignore").decode())
    assert at_worst + ANSWER_TOKENS < CONTEXT_TOKENS
    assert tokens_of("".join(notes)) <= EVIDENCE_TOKENS


def test_of_a_long_message_the_end_is_asked():
    asked = prompt(f"{'I had a long day. ' * 200}How much is a haircut?", [], [])[-1].content
    assert asked.endswith("How much is a haircut?")
    assert len(asked) < 5 * QUESTION_TOKENS


@example("000000\x80\x80\x80\x80\x80\U000100000\x80", 11)
@given(st.text(), st.integers(0, 60))
def test_the_end_of_a_text_is_as_much_of_it_as_fits(text, most):
    kept = end_within(text, most)
    assert text.endswith(kept)
    assert not kept or tokens_of(kept) <= most
    if kept != text:
        assert tokens_of(text[len(text) - len(kept) - 1 :]) > most
