"""Which function owns which route: two may not claim the same one, and none what nginx serves for all."""

import re

from ops.host.manifest import Manifest
from ops.host.spec import StepFailedError

# `/docs/NAME`, `/metrics/NAME` and the state of the configuration are made for each function (nginx/locations.py).
SHARED = ("/docs/", "/metrics/", "/-/")
_PLACEHOLDER = re.compile(r"\{[^}]+\}")


class RouteTable:
    """The routes of all functions that serve. Nothing here waits, so that a check right before a flip holds."""

    def __init__(self) -> None:
        self._routes: dict[str, frozenset[str]] = {}

    def check(self, name: str, manifest: Manifest) -> None:
        """Raise StepFailedError for a route that is another's."""
        for route in manifest.routes:
            path = route.path
            if path.startswith(SHARED):
                raise StepFailedError(name, "routes", f"{path} is none that a function may claim")
            owner = next((other for other, shapes in self._routes.items() if shape(path) in shapes), name)
            if owner != name:
                reason = f"{path} belongs to {owner}: give it another path, or take it from {owner} first"
                raise StepFailedError(name, "routes", reason)

    def put(self, name: str, manifest: Manifest) -> None:
        """These are the function's routes from now on."""
        self._routes[name] = frozenset(shape(route.path) for route in manifest.routes)

    def drop(self, name: str) -> None:
        """The function has none any more."""
        self._routes.pop(name, None)


def shape(path: str) -> str:
    """What nginx tells paths apart by: the names of placeholders mean nothing."""
    return _PLACEHOLDER.sub("{}", path)
