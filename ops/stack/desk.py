"""Where the supervisor is asked: for an upgrade of the host, for routes to be in force now, for its state."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.stack.requests import Asked, Requests
from ops.stack.routing import Routing
from ops.stack.upgrade import Upgrades


class Desk:
    """Hands each request to whom it is for. `routing` is there as soon as nginx is."""

    def __init__(self, run_dir: Path, upgrades: Upgrades, state: Callable[[], dict[str, Any]]) -> None:
        self.routing: Routing | None = None
        self._upgrades = upgrades
        self._state = state
        self._requests = Requests(run_dir)

    def tick(self) -> None:
        """Answer who has asked, and go on with an upgrade; never waits for who asks."""
        for asked in self._requests.arrived():
            self._answer(asked)
        self._upgrades.tick()

    def wait(self, timeout_s: float, waking: int) -> None:
        """Return when somebody asks or `waking` can be read, at the latest after `timeout_s`."""
        self._requests.wait(timeout_s, waking)

    def close(self) -> None:
        """Answer nobody any more, and end a new host that has not taken over."""
        self._requests.close()
        self._upgrades.close()

    def _answer(self, asked: Asked) -> None:
        match asked.request.get("op"):
            case "upgrade":
                self._upgrades.begin(asked)
            case "route":
                self._route(asked)
            case "status":
                asked.answer(self._state())
            case _:
                asked.answer({"error": f"unknown request {asked.request!r}; known: upgrade (python), route, status"})

    def _route(self, asked: Asked) -> None:
        """Somebody waits for what was just deployed or removed."""
        try:
            if self.routing is not None:
                self.routing.look()
        except Exception as error:  # noqa: BLE001 - whatever nginx refuses; the supervisor says it too, when it looks
            asked.answer({"ok": False, "reason": str(error)})
        else:
            asked.answer({"ok": True})
