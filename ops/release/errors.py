"""What can go wrong with a release; every message is a sentence for the operator."""


class ReleaseError(Exception):
    """The root of this package's errors."""


class UnknownFunctionError(ReleaseError):
    """The tree has no function of this name, or the name cannot be one."""


class UnknownReleaseError(ReleaseError):
    """No release, or more than one, begins with the id that was asked for."""


class DamagedReleaseError(ReleaseError):
    """A release's sources are not what they were when it was made."""


class SnapshotFailedError(ReleaseError):
    """A release could not be written (disk full, no rights); nothing of it is visible."""


class JournalError(ReleaseError):
    """An entry could not be written; the journal is as it was before."""


def can_be_name(name: str) -> bool:
    """Whether `name` can be a function's, which also makes it safe as the name of a folder."""
    return name.isidentifier() and not name.startswith("_")


def checked_name(name: str) -> str:
    """Return `name` when it can be a function's; raises UnknownFunctionError."""
    if not can_be_name(name):
        raise UnknownFunctionError(f"{name!r} cannot be a function: the name of a module in functions/ is needed")
    return name
