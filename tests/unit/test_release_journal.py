"""What follows from a journal's entries, and that forgetting old ones changes none of it."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ops.release.journal import Entry, active_in, compacted, previous_in, standing_in


def entries(*events: tuple[str, str]) -> list[Entry]:
    return [Entry(at=datetime(2026, 1, 1, tzinfo=UTC), event=event, release=id_, by="test") for event, id_ in events]


HISTORY = st.lists(
    st.tuples(st.sampled_from(["deploying", "active", "failed", "collected"]), st.sampled_from("abcdef")), max_size=40
)


def test_a_failed_deploy_leaves_the_old_release_active():
    told = entries(("active", "a"), ("deploying", "b"), ("failed", "b"))
    assert ("a", None) == (active_in(told), previous_in(told))


def test_half_a_deploy_is_not_active():
    assert "a" == active_in(entries(("active", "a"), ("deploying", "b")))


def test_one_goes_back_to_what_was_active_before():
    assert "b" == previous_in(entries(("active", "a"), ("active", "b"), ("active", "c")))


def test_one_goes_back_and_forth():
    assert "b" == previous_in(entries(("active", "a"), ("active", "b"), ("active", "a")))


def test_a_release_that_was_taken_back_is_not_gone_back_to():
    assert "a" == previous_in(
        entries(("active", "a"), ("active", "b"), ("active", "c"), ("failed", "c"), ("active", "b"))
    )


def test_a_collected_release_is_not_gone_back_to():
    assert previous_in(entries(("active", "a"), ("active", "b"), ("collected", "a"))) is None


@given(HISTORY, st.integers(0, 10))
def test_forgetting_old_entries_changes_no_answer(events, kept):
    told = entries(*events)
    rest = compacted(told, kept)
    assert (active_in(told), standing_in(told)) == (active_in(rest), standing_in(rest))
    assert told[len(told) - kept :] == rest[len(rest) - kept :] if kept else True
    assert len(rest) <= kept + 2 * 6


@given(HISTORY)
def test_the_active_release_survives_though_none_is_to_be_kept(events):
    told = entries(*events)
    assert (active_in(told), previous_in(told)) == (
        active_in(compacted(told, 0, 2)),
        previous_in(compacted(told, 0, 2)),
    )
