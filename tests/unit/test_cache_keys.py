from hypothesis import assume, given
from hypothesis import strategies as st

from core.cache.keys import question_key, search_key

PARTS = st.fixed_dictionaries(
    {
        "revision": st.text(max_size=8),
        "shop_id": st.integers(1, 2**31 - 1),
        "version": st.integers(0, 2**62),
        "model": st.text(max_size=80),
        "query": st.text(max_size=80),
        "limit": st.integers(1, 100),
        "category": st.none() | st.text(max_size=20),
        "threshold": st.floats(0, 1),
    }
)


@given(PARTS, PARTS)
def test_two_searches_share_a_key_only_when_every_part_is_equal(one, other):
    assert (one == other) is (search_key(**one) == search_key(**other))


@given(PARTS, st.data())
def test_each_part_of_a_search_changes_its_key(parts, data):
    name = data.draw(st.sampled_from(sorted(parts)))
    changed = {**parts, name: data.draw(PARTS)[name]}
    assume(changed != parts)
    assert search_key(**parts) != search_key(**changed)


@given(PARTS)
def test_a_question_keeps_its_name_when_the_knowledge_or_the_model_changes(parts):
    kept = {name: parts[name] for name in parts if name not in {"version", "model"}}
    assert len(question_key(**kept)) == 16
    assert question_key(**kept) != search_key(**parts)


def test_no_category_and_an_empty_category_are_two_searches():
    parts = {"revision": "1", "shop_id": 1, "query": "when", "limit": 5, "threshold": 0.5}
    assert question_key(**parts, category=None) != question_key(**parts, category="")


def test_a_whole_number_as_threshold_is_the_same_search():
    parts = {"revision": "1", "shop_id": 1, "query": "when", "limit": 5, "category": None}
    assert question_key(**parts, threshold=1) == question_key(**parts, threshold=1.0)
