"""The content address: a function of content alone, and of all of it."""

from hypothesis import assume, given
from hypothesis import strategies as st

from ops.release.address import address, digest, short

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
FILES = st.dictionaries(TEXT, st.binary(max_size=8).map(digest), max_size=6)
LOCK = st.none() | st.binary(max_size=4).map(digest)
PYTHON = st.sampled_from(["cpython-311", "cpython-312"])


@given(FILES, LOCK, PYTHON, st.randoms())
def test_the_order_in_which_files_were_found_does_not_matter(files, lock, python, random):
    shuffled = list(files.items())
    random.shuffle(shuffled)
    assert address(files, lock, python) == address(dict(shuffled), lock, python)


@given(st.tuples(FILES, LOCK, PYTHON), st.tuples(FILES, LOCK, PYTHON))
def test_whatever_differs_changes_the_address(one, other):
    assume(one != other)
    assert address(*one) != address(*other)


@given(FILES.filter(bool), LOCK, PYTHON, TEXT)
def test_a_renamed_file_changes_the_address(files, lock, python, name):
    assume(name not in files)
    (old, content), *rest = files.items()
    assert address(files, lock, python) != address({name: content, **dict(rest)}, lock, python), old


def test_the_address_of_known_content_never_changes():
    assert "c30f7ac557a6" == short(address({"core/a.py": digest(b"x")}, None, "cpython-311"))
