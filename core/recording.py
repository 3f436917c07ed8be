"""Where a complete answer is handed on, before its caller has it."""

from core.answer.turn import Turn
from core.services import Services


async def record_turn(services: Services, turn: Turn) -> None:
    """Count a turn among the function's metrics: how many were answered, and how many were not."""
    services.turns.count(answered=turn.answered)
