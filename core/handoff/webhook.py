"""A signed call of an owner's address. The operator alone names addresses: no caller's text ever becomes one."""

import asyncio
import hashlib
import hmac
import time
from http import HTTPStatus

import httpx

from core.outbox.outbox import Undeliverable

TIMEOUT_S = 10.0
SIGNATURE = "X-Edge-Signature"
EVENT_ID = "X-Edge-Event-Id"


class WebhookError(Exception):
    """The receiver is away, slow, or did not take the call."""


def signature(secret: str, body: bytes, at: int) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 over the time, a dot and the body, so that an old call cannot be sent again."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


async def call(url: str, secret: str, event_id: str, body: bytes) -> None:
    """Send one event; raises WebhookError, and Undeliverable when the receiver says that it is gone for good."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "cutting-edge",
        SIGNATURE: signature(secret, body, int(time.time())),
        EVENT_ID: event_id,
    }
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=TIMEOUT_S) as client,
            # Not read: what the receiver says is of no use, and may be without end.
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            status = response.status_code
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise WebhookError(f"the receiver does not answer: {type(error).__name__}") from error
    if status == HTTPStatus.GONE:
        raise Undeliverable("the receiver is gone: 410")
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise WebhookError(f"the receiver answered {status}")
