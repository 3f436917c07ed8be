"""Where the real Ollama lives: in the user's cache, outside the clone, one folder a version."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

VERSION = "0.17.4"  # the newest that the Go module proxy serves whole


class Layout(msgspec.Struct, frozen=True):
    """The folders under `root`. Each part appears whole, by a rename, so a part that exists is finished."""

    root: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> Self:
        """Under XDG_CACHE_HOME (XDG Base Directory Specification), `~/.cache` without it."""
        cache = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(cache.absolute() / "cutting-edge" / f"ollama-{VERSION}")

    @property
    def binary(self) -> Path:
        return self.root / "bin" / "ollama"

    @property
    def kernels(self) -> Path:
        """Ollama looks for them in `../lib/ollama`, seen from its binary."""
        return self.root / "lib" / "ollama"

    @property
    def headers(self) -> Path:
        return self.root / "include"

    @property
    def packages(self) -> Path:
        return self.root / "packages"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def home(self) -> Path:
        """Ollama's home, where it keeps a key pair of its own."""
        return self.root / "home"

    @property
    def complete(self) -> bool:
        return self.binary.exists() and self.kernels.exists() and self.models.exists()
