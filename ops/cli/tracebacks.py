"""Tracebacks of workers for who wrote the function: its frames alone, in the files that it was released from."""

import re
from collections.abc import Iterator
from pathlib import Path

_FRAME = '  File "'
# How a worker came to import the function is the same each time.
_HOSTING = re.compile(r'  File "(<frozen importlib|[^"]*/importlib/__init__\.py"|[^"]*/ops/host/\w+\.py")')
_FUNCTION = re.compile(r'  File "[^"]*/functions/')


def readable(text: str, release: Path, tree: Path | None) -> list[str]:
    """The lines, without the frames of the host; paths into `release` lead to `tree`, if that is what was released."""
    if tree is not None:
        text = text.replace(f"{release}/", f"{tree}/")
    return [*_without(_HOSTING, text.splitlines())]


def cause(lines: list[str]) -> tuple[str, ...]:
    """What two functions have in common that fail for one fault in core/: all but how each came to it."""
    return tuple(_without(_FUNCTION, lines))


def _without(frames: re.Pattern[str], lines: list[str]) -> Iterator[str]:
    is_hidden = False
    for line in lines:
        if line.startswith(_FRAME) or not line.startswith("    "):
            is_hidden = frames.match(line) is not None
        if not is_hidden:
            yield line
