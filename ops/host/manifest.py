"""The part of a function's manifest that the host and nginx go by, checked before anyone relies on it.

The host imports neither `core.function.Function`, which it comes from, nor nginx's builder, which reads it next:
tests/unit/test_host_manifest.py holds this to what both take.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

MIB = 1024 * 1024
# As nginx/site.py: what it cannot serve would keep every function's routes from being changed.
ROUTE_PATH = r"^(/([A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+\Z"
REQUEST_TARGET = r"^/[!-~]*\Z"
Method = Annotated[str, Meta(pattern=r"^[A-Z]{1,20}\Z")]


class Route(msgspec.Struct, frozen=True):
    """A public route."""

    method: Method
    path: Annotated[str, Meta(pattern=ROUTE_PATH)]
    body_limit_bytes: Annotated[int, Meta(ge=1, le=1 << 40)] = MIB
    stream: bool = False


class Smoke(msgspec.Struct, frozen=True):
    """A request that a healthy release answers with `status`; `body` is sent as JSON when given."""

    method: Method
    path: Annotated[str, Meta(pattern=REQUEST_TARGET)]
    body: Any = None
    status: Annotated[int, Meta(ge=100, le=599)] = 200


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a release declares. Other fields are for others to read, and may come with a newer `core`."""

    name: str
    routes: tuple[Route, ...]
    smoke: tuple[Smoke, ...]
    summary: str = ""
    concurrency: Annotated[int, Meta(ge=1, le=1 << 16)] = 128
    timeout_s: Annotated[float, Meta(gt=0, le=86_400)] = 10.0
    memory_mib: Annotated[int, Meta(ge=1, le=1 << 20)] = 256
    workers: Annotated[int, Meta(ge=1, le=64)] = 1


def read(declared: Any) -> Manifest:
    """Check what a worker told; raises ValueError with a sentence for the operator."""
    try:
        return msgspec.convert(declared, Manifest)
    except msgspec.ValidationError as error:
        raise ValueError(f"FUNCTION cannot be served: {error}") from error
