"""What is wrong with a value that is JSON and not what a route takes: every broken rule, each with its JSON Pointer."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, get_args, get_origin

import msgspec

from core.errors import FieldError, InvalidRequest
from core.http.fields import in_words

MOST = 20
# Looked at one by one, which takes longer than msgspec; of what comes after them it names the first.
MOST_ITEMS = 1000
_MAX_NAME = 64
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_REGEX = re.compile(r"Expected `str` matching regex (?P<pattern>.*)", re.DOTALL)
_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>.*)`$", re.DOTALL)


def violation(value: Any, kind: Any, first: msgspec.ValidationError) -> InvalidRequest:
    """The error of a value that msgspec does not convert to `kind`; it stops at the `first` rule, this goes on."""
    errors = tuple(islice(_broken(value, kind, ""), MOST)) or (_told(first, "", kind),)
    told = (f"{error.pointer.removeprefix('/') or 'the body'}: {error.detail}" for error in errors)
    return InvalidRequest("; ".join(told), errors=errors)


def token(name: str) -> str:
    """A name that a caller made up as one step of a JSON Pointer, cut where it is long."""
    shown = name if len(name) <= _MAX_NAME else name[:_MAX_NAME] + "…"
    return shown.replace("~", "~0").replace("/", "~1")


def _broken(value: Any, kind: Any, pointer: str) -> Iterator[FieldError]:
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _of_struct(value, kind, pointer)
        return
    item = _item_kind(kind)
    if isinstance(value, list) and item is not None:
        found = _of_items(value, item, pointer)
        if (error := next(found, None)) is not None:
            yield error
            yield from found
            return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield _told(error, pointer, kind)


def _of_struct(value: dict[str, Any], kind: type[msgspec.Struct], pointer: str) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name in value:
            yield from _broken(value[name], field.type, f"{pointer}/{token(name)}")
        elif field.required:
            yield FieldError(f"{pointer}/{token(name)}", "is missing")
    if kind.__struct_config__.forbid_unknown_fields:
        for name in sorted(value.keys() - fields.keys()):
            yield FieldError(f"{pointer}/{token(name)}", "is not a field of this request")


def _of_items(values: list[Any], kind: Any, pointer: str) -> Iterator[FieldError]:
    for at, value in enumerate(values[:MOST_ITEMS]):
        yield from _broken(value, kind, f"{pointer}/{at}")


def _item_kind(kind: Any) -> Any:
    """The type of the items of `list[Item]` with or without its own rules, None of anything else."""
    plain = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    return get_args(plain)[0] if get_origin(plain) is list else None


def _told(error: msgspec.ValidationError, pointer: str, kind: Any) -> FieldError:
    message = str(error)
    if match := _PATH.search(message):
        message, pointer = message[: match.start()], pointer + _pointer(match["path"])
    if match := _FIELD.search(message):
        rule = "is missing" if "required" in message else "is not a field of this request"
        return FieldError(f"{pointer}/{token(match['name'])}", rule)
    return FieldError(pointer, _described(message, kind) or in_words(_lowered(message)))


def _described(message: str, kind: Any) -> str | None:
    """A pattern that is broken, as the description of its type says it; None for other rules, and without one."""
    if (match := _REGEX.match(message)) is None:
        return None
    words = dict(_descriptions(msgspec.inspect.type_info(kind))).get(match["pattern"])
    return None if words is None else f"expected {_lowered(words)}"


def _descriptions(kind: Any) -> Iterator[tuple[str, str]]:
    """The patterns within a type that have a description, as msgspec quotes them."""
    match kind:
        case msgspec.inspect.Metadata(type=msgspec.inspect.StrType(pattern=str(pattern))):
            if words := (kind.extra_json_schema or {}).get("description"):
                yield repr(pattern), words
        case msgspec.inspect.Metadata():
            yield from _descriptions(kind.type)
        case msgspec.inspect.StructType():
            for field in kind.fields:
                yield from _descriptions(field.type)
        case msgspec.inspect.UnionType():
            for one in kind.types:
                yield from _descriptions(one)
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            yield from _descriptions(kind.item_type)


def _lowered(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _pointer(path: str) -> str:
    """`.items[3].content` as msgspec writes it, as a JSON Pointer (RFC 6901): `/items/3/content`."""
    return "".join(f"/{name or index}" for name, index in re.findall(r"\.(\w+)|\[([^\]]*)\]", path))
