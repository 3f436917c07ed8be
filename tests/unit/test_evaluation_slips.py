"""Slips that are put into questions."""

import pytest

from ops.evaluation.folder import Query
from ops.evaluation.slips import with_slips

TEXT = "when does the swimming pool open tomorrow"


def test_every_long_word_gets_one_slip_and_keeps_its_first_letter():
    for number in range(50):
        (query,) = with_slips([Query(str(number), TEXT, "shop", {"d": 1})], 1.0)
        assert ("shop", {"d": 1}) == (query.tenant, query.relevant)
        for before, after in zip(TEXT.split(), query.text.split(), strict=True):
            assert before[0] == after[0]
            assert abs(len(before) - len(after)) <= 1
            assert len(before) >= 4 or before == after


def test_the_same_share_makes_the_same_slips_and_none_makes_none():
    queries = [Query(str(number), TEXT) for number in range(200)]
    assert with_slips(queries, 0.3) == with_slips(queries, 0.3)
    assert queries == with_slips(queries, 0.0)
    words = [pair for query in with_slips(queries, 0.3) for pair in zip(TEXT.split(), query.text.split(), strict=True)]
    changed = sum(before != after for before, after in words if len(before) >= 4)
    assert 0.3 * 200 * 6 == pytest.approx(changed, rel=0.15)
