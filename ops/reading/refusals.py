"""Why a file, or a part of it, cannot be imported."""


class UnreadableError(Exception):
    """The message says why in a few words that can follow the file's name."""
