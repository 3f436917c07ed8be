"""What changed between two releases, or between a release and the tree, as a unified diff."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path

import msgspec

from ops.release.draft import Draft, read_draft
from ops.release.store import Release, source_files


class _Side(msgspec.Struct, frozen=True):
    label: str
    contents: Mapping[str, bytes]
    lock: str | None
    pins: tuple[str, ...]
    python: str


def diff(a: Release, b: Release) -> str:
    """From `a` to `b`: changed requirements, Python, and files; empty when nothing differs."""
    return "".join(_lines(_of_release(a), _of_release(b)))


def diff_tree(a: Release, root: Path) -> str:
    """From `a` to what its function would be released as now; raises UnknownFunctionError and OSError."""
    return "".join(_lines(_of_release(a), _of_draft(read_draft(root, a.function))))


def _of_release(release: Release) -> _Side:
    contents = {path: content for path, content in source_files(release) if content is not None}
    return _Side(release.id, contents, release.lock, release.pins, release.python)


def _of_draft(draft: Draft) -> _Side:
    return _Side("tree", draft.contents, draft.lock, draft.pins, draft.python)


def _lines(a: _Side, b: _Side) -> Iterator[str]:
    if a.python != b.python:
        yield f"Python: {a.python} -> {b.python}\n"
    if a.lock != b.lock:
        yield f"requirements/run.txt: {(a.lock or 'none')[:12]} -> {(b.lock or 'none')[:12]}\n"
        old_pins, new_pins = ([f"{pin}\n" for pin in side.pins] for side in (a, b))
        yield from unified_diff(old_pins, new_pins, f"{a.label}/requirements", f"{b.label}/requirements", n=0)
    for path in sorted(a.contents.keys() | b.contents.keys()):
        old, new = a.contents.get(path), b.contents.get(path)
        if old != new:
            yield from _file_lines(path, (a.label, old), (b.label, new))


def _file_lines(path: str, a: tuple[str, bytes | None], b: tuple[str, bytes | None]) -> Iterator[str]:
    before, after = ("/dev/null" if content is None else f"{label}/{path}" for label, content in (a, b))
    old, new = _text(a[1]), _text(b[1])
    if old is None or new is None:
        yield f"Binary files {before} and {after} differ\n"
        return
    if not old and not new:  # an empty file appeared or vanished
        yield f"--- {before}\n+++ {after}\n"
    for line in unified_diff(old, new, before, after):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _text(content: bytes | None) -> list[str] | None:
    """Lines with their ends; None for what is not text. Split at newlines alone, as diff(1) does."""
    if content is None:
        return []
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
