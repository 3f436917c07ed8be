"""The texts of the search: few, constant, and with every value of a caller as a parameter."""

import re

from pgvector import HalfVector

from core.db.models import ModelRow
from core.db.search import Question, statement, values
from core.db.shops import ShopState

MODEL = ModelRow(3, "d", "n", 4, "", "")
VECTOR = HalfVector([1.0, 0.0, 0.0, 0.0])
EVIL = "'; drop table passage; --"


def text(shop_id=1, *, ann=False, category=None, model=MODEL, embedding=VECTOR):
    question = Question(query=EVIL, limit=5, category=category, model=model, embedding=embedding)
    return statement(ShopState(shop_id, 1, ann=ann, exists=True), question).as_string()


def test_shops_without_an_index_share_their_texts():
    assert text(1) == text(2)
    assert text(1, category="a") == text(2, category="b")
    assert text(1, model=None) == text(2, embedding=None)
    assert len({text(), text(category="a"), text(model=None), text(model=None, category="a")}) == 4


def test_nothing_that_a_caller_sends_is_in_a_text():
    for given in (text(category=EVIL), text(ann=True), text(ann=True, category=EVIL), text(embedding=None)):
        assert "drop table" not in given


def test_a_shop_with_an_index_is_named_in_its_text_as_its_index_names_it():
    given = text(17, ann=True)
    assert "shop_id = 17 and model_id = 3" in given
    assert "(embedding::halfvec(4)) <=> " in given


def test_a_category_is_searched_exactly_even_in_a_shop_with_an_index():
    assert text(17, ann=True, category="a") == text(17, category="a")


def test_every_parameter_of_a_text_has_a_value_and_every_value_a_use():
    texts = text() + text(category="a")
    question = Question(query="q", limit=5)
    assert set(re.findall(r"%\((\w+)\)", texts)) == set(values(ShopState(1), question))
