"""Keeps an eye on which model stands behind the configured name: it may be replaced while we run."""

import asyncio
from contextlib import suppress

from core.errors import ModelUnavailable
from core.flight import Flight
from core.models.breaker import Breaker
from core.models.client import CLOSING, ModelClient
from core.models.identity import ModelIdentity

FRESH_S = 1.0
LOOK_AFTER_S = 10.0


class IdentityWatch:
    """The model's identity: asked for once, looked at around every call for vectors, and again now and then.

    An answer does not say which model made it, and a name becomes that of another in an instant: a model that is
    copied is loaded already. So a call counts only between two looks that see the same digest. While calls follow each
    other, the look after one is the look before the next.
    """

    def __init__(self, client: ModelClient, breaker: Breaker, stall_s: float) -> None:
        self._client = client
        self._breaker = breaker
        self._stall_s = stall_s
        self._seen_at = self._looked_at = float("-inf")
        self._flight: Flight[ModelIdentity] = Flight(lambda: ModelUnavailable(CLOSING))
        self._look: asyncio.Task[None] | None = None
        self.known: ModelIdentity | None = None

    async def current(self, expires_at: float) -> ModelIdentity:
        """The identity last seen; raises ModelUnavailable or TimeoutError when none was seen yet."""
        if self.known is not None:
            return self.known
        if self._breaker.state == "open":
            self._breaker.check()
        return await self._flight.do("first", self._fetch, expires_at=expires_at)

    async def before(self) -> ModelIdentity | None:
        """The model that a call which begins now goes to, by a look that is no older than FRESH_S."""
        if self._now() - self._seen_at > FRESH_S:
            await self._refresh()
        return self.known

    async def after(self) -> ModelIdentity:
        """The model that stands behind the name now that a call has ended.

        Each call has a look of its own: one that began before the call ended could have seen the model before it.
        """
        return await self._refresh()

    def forget(self) -> None:
        """Ask for the identity anew the next time: what was seen cannot be."""
        self.known = None

    def look_again(self) -> None:
        """Have the identity checked in the background when that was long ago; costs a clock reading otherwise."""
        if self._now() - self._looked_at > LOOK_AFTER_S and self._breaker.state == "closed":
            self._looked_at = self._now()
            self._look = asyncio.create_task(self._look_once())

    async def close(self) -> None:
        """End what runs."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])
        await self._flight.close()

    async def _look_once(self) -> None:
        # Down just now: whoever needs the model finds out; vectors of the known model are still good.
        with suppress(ModelUnavailable, TimeoutError):
            if self.known is None:
                await self._flight.do("first", self._fetch)
            else:
                await self._refresh()

    async def _fetch(self) -> ModelIdentity:
        self._breaker.begin()
        stall = asyncio.get_running_loop().call_later(self._stall_s, self._breaker.trip)
        try:
            model = await self._refresh()
        except asyncio.CancelledError:
            self._breaker.withdraw()
            raise
        except Exception:
            self._breaker.failure()
            raise
        finally:
            stall.cancel()
        self._breaker.success()
        return model

    async def _refresh(self) -> ModelIdentity:
        begun, known = self._now(), self.known
        if known is None or await self._client.digest() != known.digest:
            known = await self._client.identity()
        if begun >= self._seen_at:  # looks may end in another order than they began
            self.known = known
            self._seen_at = self._looked_at = begun
        return known

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
