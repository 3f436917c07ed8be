import unicodedata

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import InvalidRequest
from core.models.identity import ModelIdentity, Prefixes, is_uncased, prefixes_of, with_tag
from core.models.job import BULK_CHARACTERS, BULK_TEXTS, Job, take_batch, take_piece
from core.models.text import KEY_BYTES, Work, normalise, vector_key, work_of

MODEL = ModelIdentity("all-minilm", "digest", 384)
texts = st.text(st.characters(codec="utf-8"), max_size=80)


@given(texts)
def test_normalising_twice_changes_nothing_more(text):
    assume(text.split())
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.lists(texts, min_size=1), st.sampled_from([" ", "\n\t", "\u00a0 ", "\u2003"]))
def test_white_space_is_of_no_account(words, space):
    assume(" ".join(words).split())
    assert normalise(space + space.join(words) + space) == normalise(" ".join(words))


def test_case_is_kept_and_combining_marks_are_composed():
    assert normalise(" Cafe\u0301  Noir\n") == "Café Noir"


@pytest.mark.parametrize("text", ["", " \n\t", "\u2003", "half \ud800 a pair"])
def test_a_text_without_content_is_an_invalid_request(text):
    with pytest.raises(InvalidRequest):
        normalise(text)


@given(texts)
def test_an_uncased_model_sees_no_accents_and_no_other_model_loses_any(text):
    assume(text.split())
    assert work_of(MODEL, "", text).text == normalise(text)
    bare = work_of(msgspec.structs.replace(MODEL, uncased=True), "", text).text
    assert bare
    assert unicodedata.is_normalized("NFC", bare)


def test_an_accent_is_dropped_for_an_uncased_model():
    uncased = ModelIdentity("all-minilm", "digest", 384, uncased=is_uncased("library/all-minilm:22m"))
    assert work_of(uncased, "p: ", "Fußpflege und Maniküre") == Work("p: ", "Fußpflege und Manikure")
    assert not is_uncased("bge-m3")


@given(st.lists(st.tuples(texts, texts, texts), min_size=2, max_size=2, unique=True))
def test_keys_differ_when_digest_prefix_or_text_differ(parts):
    keys = {vector_key(ModelIdentity("all-minilm", digest, 384), Work(prefix, text)) for digest, prefix, text in parts}
    assert len(keys) == 2
    assert {len(key) for key in keys} == {KEY_BYTES}


def test_the_key_does_not_change_between_releases():
    key = vector_key(MODEL, Work("search_query: ", "When are you open?"))
    assert key.hex() == "84ee78d093900028da4174994f1911fe3809238541bb66f3"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("nomic-embed-text", Prefixes("search_query: ", "search_document: ")),
        ("registry:5000/library/nomic-embed-text:v1.5", Prefixes("search_query: ", "search_document: ")),
        ("all-minilm:22m", Prefixes()),
        ("unheard-of", Prefixes()),
    ],
)
def test_prefixes_follow_from_the_family(model, expected):
    assert prefixes_of(model) == expected


def test_settings_override_each_prefix_alone():
    assert prefixes_of("nomic-embed-text", query="") == Prefixes("", "search_document: ")
    assert prefixes_of("all-minilm", document="passage: ") == Prefixes("", "passage: ")


@pytest.mark.parametrize(
    ("model", "listed"),
    [
        ("All-MiniLM", "all-minilm:latest"),
        ("all-minilm:22m", "all-minilm:22m"),
        ("registry:5000/all-minilm", "registry:5000/all-minilm:latest"),
    ],
)
def test_a_name_without_a_tag_means_the_latest(model, listed):
    assert with_tag(model) == listed


async def test_a_piece_of_bulk_work_is_bounded_by_texts_and_by_characters():
    def line(*lengths):
        return {Job(Work("", "x" * length), lambda _: None, bulk=True): None for length in lengths}

    many, long, longest = line(*[1] * 20), line(1000, 500, 200), line(BULK_CHARACTERS * 3, 1)
    assert len(take_piece(many)) == BULK_TEXTS
    assert len(many) == 20 - BULK_TEXTS
    assert [len(job.work.text) for job in take_piece(long)] == [1000, 500]
    assert [len(job.work.text) for job in take_piece(longest)] == [BULK_CHARACTERS * 3]
    assert [len(job.work.text) for job in take_batch(long, 8)] == [200]
