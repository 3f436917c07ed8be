"""Settings for a command, and errors as one clear line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from core.errors import EdgeError, ModelUnavailable, SettingsError
from core.settings import Settings


def read_settings() -> Settings:
    """The settings of this environment, `home` made absolute; a broken one ends the command with its reason."""
    import msgspec

    try:
        settings = Settings.from_environ(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    return msgspec.structs.replace(settings, home=settings.home.absolute())


@contextmanager
def plain_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors that are meant for an operator into one message and exit status 1."""
    expected: tuple[type[Exception], ...] = (EdgeError, *kinds)
    try:
        yield
    except expected as error:
        raise click.ClickException(_line(error)) from error


def _line(error: Exception) -> str:
    if isinstance(error, ModelUnavailable):
        return f"{error}: EDGE_OLLAMA_URL names its server, and `edge doctor` looks at it"
    # PostgreSQL's own sentence alone: after it come the lines of the functions that it was in.
    said = getattr(error, "diag", None)
    return (said and said.message_primary) or str(error)
