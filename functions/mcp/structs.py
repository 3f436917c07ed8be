"""The messages of JSON-RPC 2.0, as far as a server without sessions meets them."""

from typing import Any, Literal

import msgspec


class RpcRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of JSON-RPC 2.0; without `id` a notification."""

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | None = None
    params: dict[str, Any] | None = None


class RpcError(msgspec.Struct, frozen=True):
    """Why there is no result."""

    code: int
    message: str


class RpcResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A result or an error; `jsonrpc` and `id` as in the request."""

    jsonrpc: str
    id: int | str
    result: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    error: RpcError | msgspec.UnsetType = msgspec.UNSET


class RpcFailureError(Exception):
    """What a caller is told by an error of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error = RpcError(code, message)
