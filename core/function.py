"""What a function says of itself: its routes, its limits and the smoke requests that a deploy makes."""

from typing import Any, Literal

import msgspec

Method = Literal["GET", "POST", "PUT", "DELETE"]
MIB = 1024 * 1024
# At once, of a function that asks the embedding model: all that may wait for it (EDGE_EMBED_QUEUE), what it is at, and
# places that are left for what needs no model.
WITH_MODEL = 256


class Route(msgspec.Struct, frozen=True):
    """One public route; `path` may hold `{name}` segments, `body_limit_bytes` is enforced by nginx and the app.

    What a `stream` route answers reaches the visitor as it is made: nginx buffers nothing of it.
    """

    method: Method
    path: str
    body_limit_bytes: int = MIB
    stream: bool = False


class Smoke(msgspec.Struct, frozen=True):
    """A request that a healthy release answers with `status`; `body` is sent as JSON when given."""

    method: Method
    path: str
    body: Any = None
    status: int = 200


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function's manifest. `name` is its module, socket, unit and nginx location at once.

    `workers` processes share its socket; `concurrency` and `memory_mib` are each one's.
    """

    name: str
    summary: str
    routes: tuple[Route, ...]
    smoke: tuple[Smoke, ...]
    concurrency: int = 128
    timeout_s: float = 10.0
    memory_mib: int = 256
    workers: int = 1
