from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db.position import Position
from core.errors import InvalidRequest
from core.http.cursor import CURSOR, cursor_of, position_of


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_leads_back_to_its_position(created_at, passage_id):
    position = Position(created_at, passage_id)
    assert position == position_of(cursor_of(position))


def outcome(text):
    try:
        return position_of(text)
    except InvalidRequest as error:
        return error.errors[0].pointer


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")) | st.text("ABCDabcd0189-_=", min_size=30))
def test_any_text_is_a_position_or_an_invalid_request(text):
    assert isinstance(outcome(text), Position) or outcome(text) == "/cursor"


@given(st.from_regex(CURSOR, fullmatch=True))
def test_every_text_of_a_cursors_form_is_a_position(text):
    assert isinstance(outcome(text), Position)


@pytest.mark.parametrize("text", ["", "A", "A" * 31 + "=", "A" * 36, " " * 32, "é" * 32, "A" * 32 + "\n"])
def test_what_no_cursor_is_made_of_is_refused(text):
    assert "/cursor" == outcome(text)
