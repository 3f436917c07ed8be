from hypothesis import assume, given
from hypothesis import strategies as st

from core.cache.keys import question_key, search_key

QUESTIONS = st.fixed_dictionaries(
    {
        "revision": st.text(max_size=8),
        "shop_id": st.integers(1, 2**31 - 1),
        "query": st.text(st.characters(codec="utf-8"), max_size=80),
        "limit": st.integers(1, 100),
        "category": st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
        "threshold": st.floats(0, 1),
    }
)
STATES = st.fixed_dictionaries({"version": st.integers(0, 2**62), "model": st.text(max_size=80)})


def name(parts, state):
    return search_key(question=question_key(**parts), **state)


@given(QUESTIONS, QUESTIONS, STATES, STATES)
def test_two_searches_share_a_key_only_when_every_part_is_equal(one, other, before, after):
    assert ((one, before) == (other, after)) is (name(one, before) == name(other, after))


@given(QUESTIONS, STATES, st.data())
def test_each_part_of_a_search_changes_its_key(parts, state, data):
    whole = {**parts, **state}
    part = data.draw(st.sampled_from(sorted(whole)))
    changed = {**whole, part: data.draw(QUESTIONS if part in parts else STATES)[part]}
    assume(changed != whole)
    other = name({key: changed[key] for key in parts}, {key: changed[key] for key in state})
    assert name(parts, state) != other


@given(QUESTIONS, STATES)
def test_a_question_and_its_answer_have_two_names_of_16_bytes(parts, state):
    assert len(question_key(**parts)) == len(name(parts, state)) == 16
    assert question_key(**parts) != name(parts, state)


def test_no_category_and_an_empty_category_are_two_searches():
    parts = {"revision": "1", "shop_id": 1, "query": "when", "limit": 5, "threshold": 0.5}
    assert question_key(**parts, category=None) != question_key(**parts, category="")


def test_a_whole_number_as_threshold_is_the_same_search():
    parts = {"revision": "1", "shop_id": 1, "query": "when", "limit": 5, "category": None}
    assert question_key(**parts, threshold=1) == question_key(**parts, threshold=1.0)
