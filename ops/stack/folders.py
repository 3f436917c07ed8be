"""Where the state of one instance lies; imports nothing heavy, since every command needs it."""

from pathlib import Path


class Folders:
    """Paths below one EDGE_HOME. `run` may lie elsewhere; `home/run` is then a symlink to it."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.logs = self.home / "logs"
        self.postgres = self.home / "postgres"
        self.releases = self.home / "releases"
        self.journal = self.home / "journal"
        self.state = self.home / "state.json"

    @property
    def run(self) -> Path:
        """The folder of sockets, without the symlink: its path goes into sockets' addresses.

        One link is followed and no other: what a stranger puts where it leads is not our folder.
        """
        run = self.home.resolve() / "run"
        return run.parent / run.readlink() if run.is_symlink() else run
