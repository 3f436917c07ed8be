"""The service levels of ops/slo.toml, and what is made from them for Prometheus, Alertmanager and Grafana."""

from ops.slo.levels import Levels, load

__all__ = ["Levels", "load"]
