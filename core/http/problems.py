"""Errors as problem+json (RFC 9457), and Litestar's own exceptions as errors of our tree."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.exceptions import HTTPException, ValidationException

from core import errors
from core.errors import EdgeError, FieldError

MEDIA_TYPE = "application/problem+json"
INTERNAL_DETAIL = "the server failed to answer; the request id names the log entry"
_log = logging.getLogger(__name__)

# Where clients of OpenAI's API ask: of an error they read `error.message` alone.
OPENAI = "/v1/"

# One sentence a status, since Litestar's own texts quote paths and exceptions.
_BY_STATUS: dict[int, tuple[type[EdgeError], str]] = {
    HTTPStatus.BAD_REQUEST: (errors.InvalidRequest, "the request is malformed"),
    HTTPStatus.UNAUTHORIZED: (errors.Unauthorized, "send a valid key as Authorization: Bearer <key>"),
    HTTPStatus.FORBIDDEN: (errors.Forbidden, "this key may not do that"),
    HTTPStatus.NOT_FOUND: (errors.NotFound, "there is nothing at this path"),
    HTTPStatus.METHOD_NOT_ALLOWED: (errors.MethodNotAllowed, "this path does not answer to this method; see Allow"),
    HTTPStatus.NOT_ACCEPTABLE: (errors.NotAcceptable, "this route answers in application/json only"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (errors.PayloadTooLarge, "the body is over the limit of this route"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (errors.UnsupportedMediaType, "send the body as application/json"),
}


class OpenAIError(msgspec.Struct, frozen=True):
    """An error as clients of OpenAI's API read it; `code` is the last part of the problem's type."""

    message: str
    type: str
    param: str | None
    code: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as a caller reads it.

    `error` repeats `detail`, as a string, since the chatbot in production reads that name; under /v1 as an object.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str | OpenAIError
    errors: tuple[FieldError, ...] = ()


def problem_bytes(error: EdgeError, request_id: str, path: str = "") -> bytes:
    """The encoded body of an error at a path."""
    return msgspec.json.encode(
        Problem(
            type=error.problem_type(),
            title=error.title,
            status=error.status,
            detail=error.detail,
            instance=request_id,
            error=openai_error(error) if path.startswith(OPENAI) else error.detail,
            errors=error.errors,
        )
    )


def openai_error(error: EdgeError) -> OpenAIError:
    """The same as the official clients show it."""
    kind = "server_error" if error.status >= EdgeError.status else "invalid_request_error"
    param = error.errors[0].pointer.removeprefix("/") if error.errors else None
    return OpenAIError(error.detail, kind, param, error.kind)


def told_in_stream(error: Exception) -> EdgeError:
    """What a caller is told whose answer has begun, so that no handler of errors sees it; the log keeps the rest."""
    if isinstance(error, EdgeError):
        _log.warning("%s: %s", error.kind, error.__cause__ or error)
        return error
    _log.error("unhandled error", exc_info=error)
    return EdgeError(INTERNAL_DETAIL)


def problem_headers(error: EdgeError) -> dict[str, str]:
    """Headers that belong to an error: Retry-After, and the challenge of a 401 (RFC 9110, 11.6.1)."""
    headers: dict[str, str] = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, errors.Unauthorized):
        headers["www-authenticate"] = 'Bearer realm="cutting-edge"'
    return headers


def from_http_exception(exc: HTTPException) -> EdgeError:
    """The same error in our tree; nothing of the framework's wording survives."""
    if isinstance(exc, ValidationException):
        return _from_validation(exc)
    if exc.detail == "client disconnected prematurely":
        return errors.InvalidRequest("the body ended before it was complete")
    kind, detail = _BY_STATUS.get(exc.status_code, (EdgeError, INTERNAL_DETAIL))
    return kind(detail)


def _from_validation(exc: ValidationException) -> EdgeError:
    extra: Any = exc.extra if isinstance(exc.extra, list) else []
    broken = tuple(
        FieldError(
            pointer=f"/{_camel(item.get('key', ''))}", detail=_sentence(str(item.get("message", "is not valid")))
        )
        for item in extra
    )
    if any(error.pointer == "/data" for error in broken):
        return errors.InvalidRequest("a JSON body is needed", errors=(FieldError("", "a JSON body is needed"),))
    if not broken:
        return errors.InvalidRequest("a parameter is missing or not valid")
    named = "; ".join(f"{error.pointer[1:]}: {error.detail}" for error in broken)
    return errors.InvalidRequest(named, errors=broken)


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:]


def _camel(name: str) -> str:
    # Litestar reports a handler's argument; the caller knows it by its camelCase name.
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
