from hypothesis import given
from hypothesis import strategies as st

from core.knowledge.chunk import MOST_CHUNKS, WINDOW_CHARS, WINDOW_WORDS, chunks

TEXTS = st.lists(
    st.text(st.characters(codec="utf-8"), max_size=40)
    | st.sampled_from([". ", 'so." ', "? ", "\n", "。", "word " * 80])
)


def test_a_short_text_is_cut_into_its_sentences():
    text = "We open at nine. On Sundays we are closed! Do you take cards? Yes, all of them."
    assert chunks(text) == [
        "We open at nine.",
        "On Sundays we are closed!",
        "Do you take cards?",
        "Yes, all of them.",
    ]


def test_a_single_sentence_needs_no_chunk_beside_the_whole():
    assert chunks("A haircut costs 25 and takes half an hour.") == []


def test_a_sentence_of_a_word_or_two_goes_with_the_next():
    assert chunks("Beards? We trim them for 12. Walk in, or book ahead.") == [
        "Beards? We trim them for 12.",
        "Walk in, or book ahead.",
    ]


def test_a_closing_quote_stays_with_its_sentence():
    assert chunks('She said "no dogs in here." Then she laughed (a lot!) and left.') == [
        'She said "no dogs in here."',
        "Then she laughed (a lot!) and left.",
    ]


def test_a_long_text_is_cut_into_windows_of_whole_sentences():
    sentence = "This is sentence number {} of a rather long description of one thing."
    sentences = [sentence.format(number) for number in range(20)]
    found = chunks(" ".join(sentences))
    assert all(len(chunk.split()) <= WINDOW_WORDS for chunk in found)
    assert all(chunk.endswith(".") for chunk in found)
    assert " ".join(found) == " ".join(sentences)
    assert len(found) == 4


def test_a_script_without_blanks_is_cut_too():
    found = chunks("営業時間は九時からです。" * 200)
    assert len(found) > 1
    assert all(len(chunk) <= WINDOW_CHARS for chunk in found)


def test_the_number_of_chunks_of_a_whole_book_is_bounded():
    assert 1 < len(chunks("word " * 100_000)) <= MOST_CHUNKS


@given(TEXTS)
def test_no_character_but_blanks_is_lost_or_added(parts):
    text = "".join(parts)
    found = chunks(text)
    assert not found or "".join("".join(found).split()) == "".join(text.split())


@given(TEXTS)
def test_every_chunk_is_a_proper_piece_within_the_bounds(parts):
    found = chunks("".join(parts))
    assert len(found) != 1
    for chunk in found:
        assert chunk.strip() == chunk != ""
        assert len(chunk.split()) <= WINDOW_WORDS
        assert len(chunk) <= WINDOW_CHARS + 60
