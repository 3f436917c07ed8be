"""Small trees of functions and core, written by a test that then releases them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ops.release.durable import remove
from ops.release.store import Store

SMALL = {
    "core/__init__.py": "",
    "core/errors.py": "class EdgeError(Exception):\n    pass\n",
    "core/answer/__init__.py": "from core.answer.words import WORD\n",
    "core/answer/words.py": "from core.errors import EdgeError\n\nWORD = 'fine'\nFAIL = lambda: EdgeError(1 / 0)\n",
    "core/answer/texts/greeting.txt": "hello\n",
    "core/unused.py": "",
    "functions/__init__.py": "",
    "functions/one.py": "from core.answer import WORD\n",
    "functions/two.py": "import core.errors\n",
    "requirements/run.txt": "litestar==2.25.0 \\\n    --hash=sha256:00\nmsgspec==0.21.0 \\\n    --hash=sha256:11\n",
}


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below `root`, over those that are there."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with the functions `one` and `two`."""
    return write_tree(tmp_path / "tree", SMALL)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that does not exist yet."""
    store = Store(tmp_path / "store")
    yield store
    remove([store.folder])  # read-only folders, which pytest's own cleaning may not enter
