"""The service levels of ops/slo.toml, and what is made from them for Prometheus, Alertmanager and Grafana."""

from ops.slo.levels import Levels, load
from ops.slo.slips import LevelsError

__all__ = ["Levels", "LevelsError", "load"]
