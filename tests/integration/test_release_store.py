"""Finding releases, and collecting old ones."""

from pathlib import Path

import pytest

from ops.release.errors import UnknownFunctionError, UnknownReleaseError
from ops.release.snapshot import snapshot
from ops.release.store import Release, Store
from tests.parts.trees import write_tree


def releases_of(root: Path, store: Store, count: int) -> list[Release]:
    made = []
    for number in range(count):
        write_tree(root, {"functions/two.py": f"import core.errors\nN = {number}\n"})
        made.append(snapshot(root, "two", store))
    return made


def test_releases_are_listed_newest_first(root, store):
    made = releases_of(root, store, 3)
    assert made[::-1] == list(store.list("two"))
    assert ("two",) == store.names()


def test_a_store_that_does_not_exist_is_empty(store):
    assert () == store.names() == store.list("one")


def test_a_release_is_found_by_the_start_of_its_id(root, store):
    one, other = releases_of(root, store, 2)
    shortest = next(length for length in range(1, 13) if one.id[:length] != other.id[:length])
    assert one == store.get("two", one.id) == store.get("two", one.id[:shortest])


@pytest.mark.parametrize(("prefix", "says"), [("", "is not there"), ("xyz", "is not there"), ("..", "is not there")])
def test_an_unknown_id_is_refused_and_the_message_lists_what_there_is(root, store, prefix, says):
    (release,) = releases_of(root, store, 1)
    with pytest.raises(UnknownReleaseError, match=f"{says}; there are: {release.id}"):
        store.get("two", prefix)


def test_a_start_that_several_ids_have_is_refused(root, store):
    made = releases_of(root, store, 17)  # of 17 ids two begin with the same of 16 digits
    starts = [release.id[0] for release in made]
    with pytest.raises(UnknownReleaseError, match="is not unique"):
        store.get("two", max(starts, key=starts.count))


@pytest.mark.parametrize("name", ["../two", "", ".bytecode"])
def test_a_name_is_never_a_path(store, name):
    with pytest.raises(UnknownFunctionError):
        store.list(name)


def test_the_newest_and_the_protected_are_kept(root, store):
    made = releases_of(root, store, 5)
    assert (made[2].id, made[1].id) == store.collect("two", keep=2, protected=[made[0].id])
    assert [made[4], made[3], made[0]] == list(store.list("two"))
    assert [()] * 3 == [store.verify(release) for release in store.list("two")]
    assert () == store.collect("two", keep=2, protected=[made[0].id])


def test_bytecode_goes_with_the_last_release_that_uses_it(root, store):
    releases_of(root, store, 3)
    before = len(list(store.bytecode.rglob("*.pyc")))
    store.collect("two", keep=1)
    assert before - 2 == len(list(store.bytecode.rglob("*.pyc")))
    store.collect("two", keep=0)
    assert [] == list(store.bytecode.rglob("*.pyc"))
    assert [] == list((store.folder / "two").iterdir())


def test_collecting_one_function_leaves_the_others(root, store):
    other = snapshot(root, "one", store)
    releases_of(root, store, 2)
    store.collect("two", keep=0)
    assert () == store.verify(other)
    assert ("one",) == store.names()
