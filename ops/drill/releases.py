"""What the drill deploys: three functions, sound and with each fault that a release can have."""

from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from string import Template

import msgspec

TEMPLATES = Path(__file__).parent / "functions"
FUNCTIONS = ("plain", "ledger", "events")


class Expected(StrEnum):
    """What must become of a deploy."""

    SERVES = "serves"
    REFUSED = "refused"
    TAKEN_BACK = "taken back"  # by the host, once visitors have seen its errors


class Fault(msgspec.Struct, frozen=True):
    """Python that is put into a function: at its `top`, at the start of a `request`, in its `startup`, at its end.

    `step` is where a deploy must fail, `seconds` how long that takes when it is long.
    """

    top: str = ""
    request: str = ""
    startup: str = ""
    bottom: str = ""
    step: str = ""
    seconds: float = 0.0


# A release answers its smoke request, which is the first, and no other.
LIES = """
ANSWERED = []


def lies() -> bool:
    ANSWERED.append(1)
    return len(ANSWERED) > 1


def refusal() -> ASGIResponse:
    return ASGIResponse(body=b"a lie", status_code=500, headers={"x-drill-release": RELEASE})
"""
LYING = Fault(top=LIES, request="if lies(): return refusal()")
FAULTS = {
    "syntax error": Fault(top="def create_app(:", step="import"),
    "missing import": Fault(top="import nothing_of_this_name", step="import"),
    "no create_app": Fault(bottom="del create_app", step="import"),
    "import raises": Fault(top="1 / 0", step="import"),
    "import exits": Fault(top="import os; os._exit(0)", step="import"),
    "import hangs": Fault(top="import time; time.sleep(3600)", step="import", seconds=30),
    "lifespan raises": Fault(startup="raise RuntimeError('no lifespan')", step="lifespan"),
    "wrong smoke answer": Fault(request="raise RuntimeError('a defect')", step="smoke"),
    "smoke exits": Fault(request="import os; os._exit(1)", step="smoke"),
    "smoke hangs": Fault(request="import time; time.sleep(3600)", step="smoke", seconds=10),
    "too much memory": Fault(top="BALLAST = bytearray(b'x') * (400 << 20)", step="memory"),
}


class Step(msgspec.Struct, frozen=True):
    """One deploy of the drill. `kind` is a name of FAULTS, or what else is special about it."""

    function: str
    kind: str
    expected: Expected
    fault: Fault = Fault()
    is_rollback: bool = False


def plan(slow_import_s: float) -> list[Step]:
    """The drill's deploys in order: each fault once, between releases that serve."""
    slow = Fault(top=f"import time; time.sleep({slow_import_s})", seconds=slow_import_s)
    refused = [
        Step(FUNCTIONS[at % len(FUNCTIONS)], kind, Expected.REFUSED, fault)
        for at, (kind, fault) in enumerate(FAULTS.items())
    ]
    served = [
        *map(_sound, FUNCTIONS),
        _sound("plain"),
        *(Step(function, "slow import", Expected.SERVES, slow) for function in FUNCTIONS),
        *map(_sound, FUNCTIONS),
    ]
    alternating = [step for pair in zip_longest(served, refused) for step in pair if step is not None]
    return [*alternating, *map(_rollback, FUNCTIONS), LIE, *map(_sound, FUNCTIONS)]


def brief_plan() -> list[Step]:
    """A few deploys of each sort, none of which takes long."""
    refused = [
        Step(function, kind, Expected.REFUSED, FAULTS[kind])
        for function, kind in zip(FUNCTIONS, ("syntax error", "lifespan raises", "wrong smoke answer"), strict=True)
    ]
    served = [*map(_sound, FUNCTIONS), *map(_sound, FUNCTIONS)]
    return [*served[:3], *refused, LIE, *served[3:], *map(_rollback, FUNCTIONS[:2])]


def source(function: str, label: str, fault: Fault) -> str:
    """The function's module; its answers carry `label`."""
    template = Template((TEMPLATES / f"{function}.py.template").read_text("utf-8"))
    return template.substitute(
        label=label,
        top=fault.top,
        request=fault.request or "pass",
        startup=fault.startup or "pass",
        bottom=fault.bottom,
    )


def _sound(function: str) -> Step:
    return Step(function, "sound", Expected.SERVES)


def _rollback(function: str) -> Step:
    return Step(function, "rollback", Expected.SERVES, is_rollback=True)


LIE = Step("plain", "lying", Expected.TAKEN_BACK, LYING)
