"""What can be known to fail before anything is started, each with what to do about it."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from core.errors import ModelUnavailable
from core.models.client import ModelClient, Timeouts
from core.models.identity import with_tag
from core.settings import Settings, without_userinfo
from ops.stack import nginx_binary
from ops.stack.instance import InstanceError

FREE_BYTES = 300 * 1024 * 1024  # a fresh database takes 60 MB, its write-ahead log up to 200
MODEL_TIMEOUTS = Timeouts(connect_s=2.0, call_s=10.0)


def check_named(settings: Settings, *, first: bool) -> None:
    """Raise InstanceError, or NginxError, when a part that a setting names is not there or not what is needed.

    The database is left to its own first step: it is asked for much more, before anything else is started. A model
    server that does not answer is refused at the `first` start of an instance alone: later it may be away for a while.
    """
    nginx_binary.find(settings.nginx)
    model = settings.embed_model
    if settings.ollama_url is None:
        if with_tag(model) != with_tag(embedded := Settings().embed_model):
            raise InstanceError(
                f"EDGE_EMBED_MODEL={model}: the embedded model server knows {embedded} only; "
                "name a server that has the model in EDGE_OLLAMA_URL, or unset EDGE_EMBED_MODEL"
            )
        return
    named = f"EDGE_OLLAMA_URL={without_userinfo(settings.ollama_url)}"
    try:
        names = asyncio.run(_models_of(settings.ollama_url, model))
    except (ModelUnavailable, ValueError) as error:
        if isinstance(error, ModelUnavailable) and not first:
            return
        raise InstanceError(f"{named}: {error}; start it, or unset EDGE_OLLAMA_URL to use the embedded one") from error
    if with_tag(model) not in names:
        listed = ", ".join(sorted(names)) or "none"
        raise InstanceError(
            f"EDGE_EMBED_MODEL={model}: {named} does not have it: "
            f"`ollama pull {model}` there fetches it. It has: {listed}"
        )


async def _models_of(url: str, model: str) -> set[str]:
    client = ModelClient(url, model, MODEL_TIMEOUTS)
    try:
        return {*await client.digests()}
    finally:
        await client.close()


def check_disk(home: Path) -> None:
    """Raise InstanceError when the file system of `home` is nearly full."""
    free = shutil.disk_usage(home).free
    if free < FREE_BYTES:
        raise InstanceError(
            f"only {free >> 20} MiB are free where {home} lies, {FREE_BYTES >> 20} are needed: "
            "free some space, or set EDGE_HOME to a folder on another disk"
        )


def check_platform() -> None:
    """Raise InstanceError where the parts of the stack cannot run."""
    if sys.platform != "linux":
        raise InstanceError(
            f"Linux is needed (this is {sys.platform}): its death signals and pidfds keep parts together"
        )
    if not hasattr(os, "pidfd_open"):
        raise InstanceError("a kernel with pidfd_open is needed: Linux 5.3 or newer")
