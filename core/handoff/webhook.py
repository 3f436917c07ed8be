"""A signed call of an owner's address. The operator alone names addresses: no caller's text ever becomes one."""

import asyncio
import hashlib
import hmac
import time
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy

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


class Receivers:
    """The client of all calls of a process: certificates take 20 ms of a processor, once, in a thread, if ever."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close what is open; calls in flight fail."""
        if self._client is not None:
            await self._client.aclose()

    async def call(self, url: str, secret: str, event_id: str, body: bytes) -> None:
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
                # Not read: what the receiver says is of no use, and may be without end.
                (await self._opened()).stream("POST", url, content=body, headers=headers) as response,
            ):
                status = response.status_code
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise WebhookError(f"the receiver does not answer: {type(error).__name__}") from error
        if status == HTTPStatus.GONE:
            raise Undeliverable("the receiver is gone: 410")
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise WebhookError(f"the receiver answered {status}")

    async def _opened(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
                self._client = httpx.AsyncClient(
                    verify=tls,
                    trust_env=False,
                    timeout=TIMEOUT_S,
                    # Nothing of one call is left for the next, which may be of another shop.
                    limits=httpx.Limits(max_keepalive_connections=0),
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                )
            return self._client
