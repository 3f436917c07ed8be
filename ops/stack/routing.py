"""What nginx routes: kept to what the host serves, while functions come, go and fail."""

from typing import Any

from core.settings import Settings
from ops.release.journal import Journal
from ops.stack import tls
from ops.stack.nginx import Nginx
from ops.stack.parts import HostPart

GOING = frozenset({"removed", "leaving"})


class Routing:
    """Writes nginx's configuration and has it reload, when routes or certificates are others than it has."""

    def __init__(self, settings: Settings, nginx: Nginx, host: HostPart, journal: Journal) -> None:
        self._settings = settings
        self._nginx = nginx
        self._host = host
        self._journal = journal
        self._routed = self._manifests(host.functions(), [])
        self._certified = tls.stamp(settings)
        nginx.configure(self._routed)

    def look(self) -> None:
        """Put new routes and renewed certificates in force; raises what nginx refuses."""
        functions = self._host.functions()
        if not functions:
            return
        manifests, certified = self._manifests(functions, self._routed), tls.stamp(self._settings)
        if manifests != self._routed or certified != self._certified:
            self._nginx.configure(manifests)
            if certified != self._certified or not self._nginx.state().in_force:
                self._nginx.reload()
            self._routed, self._certified = manifests, certified
        for function in functions:
            if function["state"] == "removed":  # nobody comes to it any more
                self._host.ask({"op": "forget", "name": function["name"]})

    def _manifests(self, functions: list[dict[str, Any]], routed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What nginx is to route: what serves, and what was `routed` until it is taken away.

        A function that fails answers 503 and not 404, as does one that a host that has just started does not list yet.
        """
        states = {function["name"]: function["state"] for function in functions}
        wanted = {manifest["name"]: manifest for manifest in routed if self._is_kept(manifest["name"], states)}
        for function in functions:
            if function["manifest"] is not None and function["state"] not in GOING:
                wanted[function["name"]] = function["manifest"]
        return [wanted[name] for name in sorted(wanted)]

    def _is_kept(self, name: str, states: dict[str, str]) -> bool:
        return states[name] not in GOING if name in states else not self._journal.is_removed(name)
