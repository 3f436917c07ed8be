"""What all functions of one host have in common."""

from typing import NamedTuple

from ops.host.nursery import Nursery
from ops.host.places import Places
from ops.host.releases import Releases
from ops.host.routes import RouteTable
from ops.host.watch import Rules


class Shared(NamedTuple):
    """Handed to each function of the host as it is made."""

    places: Places
    releases: Releases
    nursery: Nursery
    rules: Rules
    routes: RouteTable
