"""What is aimed for: the levels of ops/slo.toml."""

import tomllib
from pathlib import Path

AIMS = tomllib.loads((Path(__file__).parents[1] / "slo.toml").read_text("utf-8"))["aims"]
