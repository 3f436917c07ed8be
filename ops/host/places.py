"""Where the host puts what it and its workers have on disk."""

from pathlib import Path

from ops.host.cgroup import Cgroups


class Places:
    """Sockets, logs and the records of workers; who may connect; whose end ends workers."""

    def __init__(
        self,
        run_dir: Path,
        log_dir: Path,
        socket_gid: int | None,
        lifeline_fd: int | None,
        cgroups: Cgroups | None = None,
    ) -> None:
        self.run_dir = run_dir
        self.log_dir = log_dir
        self.records = run_dir / "workers"
        self.socket_gid = socket_gid
        self.lifeline_fd = lifeline_fd
        self.cgroups = cgroups

    def make(self) -> None:
        """Make the folder that only the host writes to; raises OSError."""
        self.records.mkdir(mode=0o700, exist_ok=True)

    def log(self, name: str) -> Path:
        """The log of a function."""
        return self.log_dir / f"{name}.log"
