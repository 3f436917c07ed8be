"""What is wrong with the service levels in one sentence that names the field, for who mistyped it."""

import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin

import msgspec

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_BOUND = re.compile(r"Expected `\w+` (?P<bound>[<>]=? .*)")
_GOT = re.compile(r"Expected `(?P<kind>[^`]*)`, got `(?P<given>[^`]*)`")
# What TOML calls what msgspec names as Python does.
_KINDS = {"float": "a number", "int": "a whole number", "str": "a string", "bool": "true or false"}
_KINDS |= {"object": "a table", "array": "a list"}


class LevelsError(Exception):
    """The service levels cannot be read; the sentence names the file and the field. Operators only."""


def told(file: str, error: Exception, kind: type, data: Mapping[str, Any]) -> LevelsError:
    """`error` of reading `kind` out of the file of this name; `data` is what was read of it, or empty."""
    if not isinstance(error, msgspec.ValidationError):
        what = "cannot be read" if isinstance(error, OSError) else "is not TOML"
        return LevelsError(f"{file} {what}: {getattr(error, 'strerror', None) or error}")
    at = _AT.search(str(error))
    path, said = (at["path"], str(error)[: at.start()]) if at else ("", str(error))
    if unknown := _UNKNOWN.match(said):
        return LevelsError(f"{file}: {_join(path, unknown['field'])} is no level; known: {_known(kind, path)}")
    if missing := _MISSING.match(said):
        return LevelsError(f"{file}: {_join(path, missing['field'])} is missing")
    if got := _GOT.match(said):
        wanted, given = (_KINDS.get(name, name) for name in (got["kind"], got["given"]))
        said = f"{wanted} is expected, not {given}"
    elif bound := _BOUND.match(said):
        said = f"it must be {bound['bound']}, and is {_value(data, path)}"
    elif said.startswith("Invalid enum value"):
        said = f"{_value(data, path)!r} is none of {', '.join(get_args(_kind_at(kind, path)))}"
    return LevelsError(f"{file}: {path}: {said}" if path else f"{file}: {said}")


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _steps(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", path)


def _known(kind: Any, path: str) -> str:
    return ", ".join(_fields(_kind_at(kind, path)))


def _kind_at(kind: Any, path: str) -> Any:
    """The type of what stands at `path` in `kind`."""
    for step in _steps(path):
        kind = get_args(kind)[0] if get_origin(kind) is tuple else _fields(kind)[step]
    return kind


def _fields(kind: Any) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _value(data: Any, path: str) -> Any:
    for step in _steps(path):
        data = data[int(step)] if isinstance(data, list) else data[step]
    return data
