"""The page at /docs: a link to the documentation of each function, in the configuration itself."""

import html
from collections.abc import Sequence

from nginx.directives import block, directive
from nginx.site import Function

INDEX = "/docs"
# nginx reads no token over 4096 bytes, so that each function is a variable of its own.
LONGEST_SUMMARY = 300
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Cutting Edge</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<style>body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}</style>"
    "</head><body><h1>Cutting Edge</h1><p>The functions that are served here, each with its API:</p><ul>"
)
_TAIL = "</ul></body></html>"


def index_locations(functions: Sequence[Function]) -> list[str]:
    """The page, and the root that leads to it."""
    ordered = sorted(functions, key=lambda function: function.name)
    rows = [directive("set", f"$docs_row_{at}", _row(function)) for at, function in enumerate(ordered)]
    page = _HEAD + "".join(f"$docs_row_{at}" for at in range(len(ordered))) + _TAIL
    only_read = ["if ($request_method !~ ^(GET|HEAD)$) {", "    return 405;", "}"]
    return [
        *block(
            ("location", "=", INDEX),
            [*only_read, "default_type 'text/html; charset=utf-8';", *rows, directive("return", 200, page)],
        ),
        # Relative: whoever stands in front may have another name and port.
        *block(("location", "=", "/"), [*only_read, "absolute_redirect off;", directive("return", 302, INDEX)]),
    ]


def _row(function: Function) -> str:
    summary = _text(function.summary[:LONGEST_SUMMARY])
    return f'<li><a href="{INDEX}/{function.name}">{function.name}</a> {summary}</li>'


def _text(text: str) -> str:
    # nginx has no escape for a `$`, HTML has.
    return html.escape(text).replace("$", "&#36;")
