"""nginx's own syntax: tokens, directives and blocks (ngx_conf_read_token in nginx's src/core/ngx_conf_file.c)."""

import re
from collections.abc import Iterable, Iterator

BARE_TOKEN = re.compile(r"[A-Za-z0-9_./:=@%,*$~^-]+")
INDENT = "    "


def quote(token: str) -> str:
    """One token as nginx reads it back; a `$` still starts a variable where the directive takes variables."""
    if BARE_TOKEN.fullmatch(token):
        return token
    escaped = token.replace("\\", "\\\\")
    if "'" in escaped:
        return '"' + escaped.replace('"', '\\"') + '"'
    return f"'{escaped}'"


def directive(*tokens: str | int) -> str:
    """One directive with its arguments, each quoted as needed."""
    return " ".join(quote(str(token)) for token in tokens) + ";"


def block(head: Iterable[str], body: Iterable[str]) -> list[str]:
    """A block directive: the head's tokens, then the body's lines one step further in."""
    return [" ".join(quote(token) for token in head) + " {", *indented(body), "}"]


def indented(lines: Iterable[str]) -> Iterator[str]:
    """The same lines one step further in; empty ones stay empty."""
    return (INDENT + line if line else line for line in lines)


def switch(source: str, variable: str, cases: Iterable[tuple[str, str]]) -> list[str]:
    """A `map`: the value of `variable` for each text or `~regex` of `source`; the first regex that matches wins."""
    return block(("map", source, variable), (directive(key, value) for key, value in cases))
