"""One message in, one JSON object out: versions, methods, and who may call."""

from typing import Annotated, Any

from litestar import post
from litestar.params import HeaderParameter, JSONBody
from litestar.response.base import ASGIResponse

from core.errors import Forbidden, InvalidRequest
from core.http.replies import encoded
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.services import Services
from core.version import VERSION
from functions.mcp.structs import RpcFailureError, RpcRequest, RpcResponse
from functions.mcp.tools import called, described_tools

PATH = "/mcp"
# Those with a handshake; a client of a later kind falls back to it (server/discover is not a method here). 2025-03-26
# had batches, which the next took away again.
PROTOCOLS = ("2025-11-25", "2025-06-18")
METHOD_NOT_FOUND = -32601
ProtocolVersion = Annotated[
    str | None,
    HeaderParameter(
        name="MCP-Protocol-Version",
        description="The version that was agreed on by `initialize`",
        schema_extra={"enum": list(PROTOCOLS)},
    ),
]


@post(PATH, **answers(RpcResponse, body=True, also=(403,), accepted=True))
async def call(request: EdgeRequest, data: JSONBody[RpcRequest], version: ProtocolVersion = None) -> ASGIResponse:
    """Answer one message of a client of the Model Context Protocol."""
    _refuse_other_origins(request)
    if version not in {None, *PROTOCOLS}:  # basic/transports, protocol version header
        raise InvalidRequest(f"MCP-Protocol-Version: expected one of {', '.join(PROTOCOLS)}")
    if data.id is None:
        return ASGIResponse(status_code=202)
    try:
        result = await _result(request.services, data)
    except RpcFailureError as failure:
        return encoded(RpcResponse(jsonrpc="2.0", id=data.id, error=failure.error))
    return encoded(RpcResponse(jsonrpc="2.0", id=data.id, result=result))


def _refuse_other_origins(request: EdgeRequest) -> None:
    """A page of another origin must not reach a local server by rebinding its name (basic/transports, security)."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in request.services.settings.cors_origins:
        raise Forbidden("pages of this origin may not call; EDGE_CORS_ORIGINS names those that may")


async def _result(services: Services, data: RpcRequest) -> dict[str, Any]:
    params = data.params or {}
    match data.method:
        case "initialize":
            return _initialized(params)
        case "ping":
            return {}
        case "tools/list":
            return {"tools": described_tools()}
        case "tools/call":
            return await called(services, params)
    raise RpcFailureError(METHOD_NOT_FOUND, f"there is no method {data.method[:100]}")


def _initialized(params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("protocolVersion")
    return {
        "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "cutting-edge", "version": VERSION},
    }
