"""Facts as they are kept: written strictly, read leniently, since a release meets documents of the ones after it."""

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

from core.facts.types import Facts

_log = logging.getLogger(__name__)


def to_document(facts: Facts) -> dict[str, Any]:
    """The facts as they are written."""
    document: dict[str, Any] = msgspec.to_builtins(facts)
    return document


def from_document(document: Mapping[str, Any]) -> Facts | None:
    """The facts of a document as far as this release understands them, None when it does not know the time zone.

    A field that it has no name for is passed over. A fact that holds a value it cannot read is left out whole: what is
    left out is unknown, and never half of what the owner said.
    """
    known = _pruned(document, _facts_type())
    try:
        return msgspec.convert(known, Facts)
    except msgspec.ValidationError as error:
        _log.warning("facts of a newer release, read in part: %s", error)
    kept = {name: value for name, value in known.items() if _readable(name, value)}
    try:
        return msgspec.convert(kept, Facts)
    except msgspec.ValidationError:
        return None


def _readable(name: str, value: Any) -> bool:
    try:
        msgspec.convert(value, _fields()[name])
    except msgspec.ValidationError:
        return False
    return True


def _pruned(value: Any, kind: inspect.Type) -> Any:
    """The value without the fields that its type does not have."""
    match kind:
        case inspect.Metadata():
            return _pruned(value, kind.type)
        case inspect.UnionType():
            return value if value is None else _pruned(value, next(one for one in kind.types if not _is_none(one)))
        case inspect.StructType() if isinstance(value, Mapping):
            fields = {field.encode_name: field.type for field in kind.fields}
            return {name: _pruned(item, fields[name]) for name, item in value.items() if name in fields}
        case inspect.VarTupleType() if isinstance(value, list):
            return [_pruned(item, kind.item_type) for item in value]
    return value


def _is_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


@lru_cache(1)
def _facts_type() -> inspect.Type:
    return inspect.type_info(Facts)


@lru_cache(1)
def _fields() -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(Facts)}
