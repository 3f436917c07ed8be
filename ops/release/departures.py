"""Releases that were gone back from, by `edge rollback` or by the watch: nobody returns to them without naming them."""

from collections.abc import Sequence

from ops.release.journal import Entry

STEPS = frozenset({"rollback", "watch"})


def departures(entries: Sequence[Entry]) -> dict[str, Entry]:
    """By the id of each such release the event that tells why it was left; one that serves again is none of them."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.release is not None and entry.event == "failed" and entry.step in STEPS:
            found[entry.release] = entry
        elif entry.release is not None and entry.event == "active":
            found.pop(entry.release, None)
    return found


def told(entry: Entry) -> str:
    """Who left it and why, for a person: `left by edge rollback (alice)`, `taken back by host: errors 100% of …`."""
    if entry.step == "rollback":
        return f"left by {entry.by}"
    return ": ".join([f"taken back by {entry.by}", *(entry.reason or "").strip().splitlines()[-1:]])
