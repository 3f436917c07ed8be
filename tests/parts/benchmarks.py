"""Figures and reports of made-up rounds."""

from ops.bench.figure import Figure, Report, Side

MACHINE = {
    "machine": "a machine", "processor": "P", "cores": 2, "memoryGiB": 8, "commit": "abc", "at": "now",
    "loadAverage": [0.0], "python": "3", "nginx": "1", "packages": {"granian": "2"},
}  # fmt: skip


def figure(  # noqa: PLR0913 - what differs from test to test
    rounds, floor=None, *, better="higher", aim=None, key="search.x", cpu=(None, None), unit="a second", errors=0
):
    """One figure of these rounds, beside a floor of those."""
    ours = Side(name="ours", rounds=rounds, errors=errors, cpu_us={"worker": cpu[0]} if cpu[0] else {})
    under = floor and Side(name="floor", rounds=floor, cpu_us={"worker": cpu[1]} if cpu[1] else {})
    return Figure(key=key, title=f"the {key}", unit=unit, better=better, ours=ours, floor=under, aim=aim)


def report(*figures, scale="full", parts=("search", "database"), failed=None, **where):
    """A run of these figures; `where` is what its machine is."""
    return Report(
        environment={**MACHINE, **where}, scale=scale, parts=parts, took_s=1.0, figures=figures, failed=failed or {}
    )
