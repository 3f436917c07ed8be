"""Every error a caller can meet, as one tree; `core.app` turns each into problem+json (RFC 9457).

A lower error (psycopg, httpx, diskcache) is translated in the module that owns the dependency.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar

import msgspec

PROBLEM_TYPE_PREFIX = "urn:problem-type:cutting-edge:"


class FieldError(msgspec.Struct, frozen=True):
    """One broken rule of a request: `pointer` is a JSON Pointer (RFC 6901) into the body or query."""

    pointer: str
    detail: str


class EdgeError(Exception):
    """The root: `detail` is safe to show to a caller; causes are chained and only logged."""

    kind: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self,
        detail: str,
        *,
        retry_after_s: int | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.errors = tuple(errors)

    @classmethod
    def problem_type(cls) -> str:
        """The stable URI of this kind of problem (RFC 9457, `type`)."""
        return PROBLEM_TYPE_PREFIX + cls.kind


class InvalidRequest(EdgeError):
    """The body is not JSON, or a value breaks a rule of the contract."""

    kind = "invalid-request"
    title = "The request is not valid"
    status = HTTPStatus.BAD_REQUEST


class Unauthorized(EdgeError):
    """No key, or a key that does not exist or was revoked."""

    kind = "unauthorized"
    title = "A valid key is needed"
    status = HTTPStatus.UNAUTHORIZED


class Forbidden(EdgeError):
    """A valid key of another shop."""

    kind = "forbidden"
    title = "This key may not do that"
    status = HTTPStatus.FORBIDDEN


class NotFound(EdgeError):
    """No such route, or no such row within the caller's shop."""

    kind = "not-found"
    title = "Not found"
    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(EdgeError):
    """The route exists, the method does not."""

    kind = "method-not-allowed"
    title = "Method not allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED


class NotAcceptable(EdgeError):
    """The route cannot answer in any type that `Accept` names."""

    kind = "not-acceptable"
    title = "No acceptable representation"
    status = HTTPStatus.NOT_ACCEPTABLE


class IdempotencyConflict(EdgeError):
    """The same `Idempotency-Key` came before with another body."""

    kind = "idempotency-conflict"
    title = "Idempotency key used for another request"
    status = HTTPStatus.CONFLICT


class Conflict(EdgeError):
    """What the request would change is no longer as its sender saw it, or was decided already."""

    kind = "conflict"
    title = "The state does not allow it"
    status = HTTPStatus.CONFLICT


class PreconditionFailed(EdgeError):
    """What was to be changed is not what the caller had read (`If-Match`)."""

    kind = "precondition-failed"
    title = "Changed by somebody else"
    status = HTTPStatus.PRECONDITION_FAILED


class PreconditionRequired(EdgeError):
    """A change of something that is there already needs `If-Match` (RFC 6585, 3)."""

    kind = "precondition-required"
    title = "If-Match is needed"
    status = HTTPStatus.PRECONDITION_REQUIRED


class PayloadTooLarge(EdgeError):
    """The body is over the route's limit."""

    kind = "payload-too-large"
    title = "The body is too large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaType(EdgeError):
    """The body is not application/json."""

    kind = "unsupported-media-type"
    title = "Unsupported media type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class TooManyRequests(EdgeError):
    """Over the rate that one caller may use.

    nginx answers it and no function raises it: here so that every kind of problem has one source, which a test holds
    `nginx/problems.py` to.
    """

    kind = "too-many-requests"
    title = "Too many requests"
    status = HTTPStatus.TOO_MANY_REQUESTS


class Unavailable(EdgeError):
    """A part that the answer cannot do without is down or full; the caller may try again."""

    kind = "unavailable"
    title = "Temporarily unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)


class DatabaseUnavailable(Unavailable):
    """PostgreSQL is down, refuses connections or did not answer in time."""

    kind = "database-unavailable"
    title = "The database is unavailable"


class ModelUnavailable(Unavailable):
    """The model server is down, answers wrongly, or its circuit is open."""

    kind = "model-unavailable"
    title = "The model is unavailable"


class ModelAnswerUnusable(ModelUnavailable):
    """The model server answered, but with an error or with what is no vector; other texts may fare better."""


class ModelReplaced(ModelUnavailable):
    """The model that a shop's vectors are of is gone: where it was there is another one now."""


class ModelChanged(ModelUnavailable):
    """The shop uses another model than it did when the texts to be written were embedded: embed them again."""


class ModelOverloaded(Unavailable):
    """The queue in front of the model is full, or the request's deadline passed in it."""

    kind = "model-overloaded"
    title = "The model is busy"


class FunctionOverloaded(Unavailable):
    """The function already serves as many requests as its limit allows."""

    kind = "function-overloaded"
    title = "The function is busy"


class OutboxUnavailable(Unavailable):
    """What was to be acknowledged cannot be kept on the local disk."""

    kind = "outbox-unavailable"
    title = "Nothing can be kept for later"


class OutboxFull(OutboxUnavailable):
    """As much waits to be stored or delivered as the outbox may hold."""

    kind = "outbox-full"
    title = "Too much waits to be stored"


class SettingsError(Exception):
    """The environment holds a setting that is unknown, missing or out of range. Operators only."""
