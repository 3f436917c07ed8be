"""What of a tree is deployed at a start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.release.journal import Journal
from ops.release.store import Store
from ops.stack.opening import to_deploy

Look = Callable[..., dict[str, str]]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def look(root: Path, store: Store, journal: Journal, said: list[str]) -> Look:
    def look(*, every: bool = True, **active: str) -> dict[str, str]:
        return to_deploy(root, store, journal, active, every=every, say=said.append)

    return look


def test_what_differs_is_deployed_in_development_and_only_what_is_missing_otherwise(look: Look, root: Path):
    first = look()
    assert {"one", "two"} == {*first}
    assert {} == look(**first)
    (root / "functions" / "one.py").write_text("WORD = 'new'\n")
    assert ["one"] == [*look(**first)]
    assert {} == look(every=False, **first)
    assert ["two"] == [*look(every=False, one=first["one"])]


@pytest.mark.parametrize("step", ["rollback", "watch"])
def test_what_was_gone_back_from_is_not_deployed_again_and_that_is_said(
    look: Look, root: Path, journal: Journal, said: list[str], step: str
):
    good = look()["one"]
    (root / "functions" / "one.py").write_text("WORD = 'bad'\n")
    bad = look()["one"]
    journal.append("one", "active", by="test", release=good)
    journal.append("one", "active", by="test", release=bad, previous=good)
    journal.append("one", "failed", by="somebody", release=bad, step=step, reason="errors")
    assert ["two"] == [*look(one=good)]
    assert [True] == [line.startswith(f"one: the tree's release {bad} was ") for line in said]
    assert "`edge deploy one`" in said[0]
    journal.append("one", "active", by="test", release=bad, previous=good)  # named, and so meant
    assert {} == {name: release for name, release in look(one=bad).items() if name == "one"}
    assert bad == look(one=good)["one"]


def test_a_tree_that_is_no_python_leaves_what_serves_and_names_the_line(look: Look, root: Path, said: list[str]):
    first = look()
    (root / "core" / "errors.py").write_text("class EdgeError(Exception):\n    pass\nthis is no Python\n")
    (root / "functions" / "new.py").write_text("import core.errors\n")
    assert ["new"] == [*look(**first)]  # which has nothing to lose: the gate says what is wrong
    assert ["core/errors.py, line 3: invalid syntax\ngoing on with the releases that serve: one, two"] == said
