"""How a function stands: one state, and the generations that belong to it."""

from enum import StrEnum
from typing import Any

from ops.host.generation import NO_STATE, Generation
from ops.host.spec import StepFailedError


class State(StrEnum):
    """What is true of a function; a deploy that passes its gate leads from each but the last to `serving`."""

    STARTING = "starting"  # nothing serves yet
    FAILED = "failed"  # nothing serves, and `failure` says why
    SERVING = "serving"  # a generation is active
    REMOVED = "removed"  # taken away; its generation answers until visitors are led elsewhere
    LEAVING = "leaving"  # taken away, and finishing what was begun
    STOPPING = "stopping"  # the host ends


class Standing:
    """One function's. What changes it holds the function's `changing`, except for `stop`."""

    def __init__(self) -> None:
        self.state = State.STARTING
        self.failure: StepFailedError | None = None
        self.leaving: list[Generation] = []
        self._generation: Generation | None = None

    @property
    def active(self) -> Generation | None:
        """The generation that serves."""
        return self._generation if self.state is State.SERVING else None

    @property
    def generations(self) -> tuple[Generation, ...]:
        """All that have met a visitor and are not retired."""
        return (*self.leaving, self._generation) if self._generation else (*self.leaving,)

    @property
    def is_down(self) -> bool:
        """Whether it is to be brought up."""
        return self.state in {State.STARTING, State.FAILED}

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.state is State.LEAVING and not self.leaving

    @property
    def is_stopping(self) -> bool:
        """Whether the host ends."""
        return self.state is State.STOPPING

    def serve(self, generation: Generation) -> Generation | None:
        """This generation serves; returns the one that answered until now."""
        before, self._generation = self._generation, generation
        self.state, self.failure = State.SERVING, None
        return before

    def fail(self, error: StepFailedError) -> None:
        """It did not come up; whatever serves, or was taken away, is not concerned."""
        if self.is_down:
            self.state, self.failure = State.FAILED, error

    def remove(self) -> None:
        """What serves was taken away."""
        if self.state is State.SERVING:
            self.state = State.REMOVED

    def forget(self) -> Generation | None:
        """Nobody comes to what was removed any more; returns its generation, None when none was."""
        if self.state is not State.REMOVED:
            return None
        generation, self._generation = self._generation, None
        self.state = State.LEAVING
        return generation

    def end(self) -> None:
        """It was taken away while nothing served."""
        if self.is_down:
            self.state = State.LEAVING

    def stop(self) -> None:
        """From now on nothing serves."""
        self.state = State.STOPPING

    def facts(self) -> dict[str, Any]:
        """For `edge list` and `edge status`: one that serves without a worker is starting."""
        found = self.active.state() if self.active else NO_STATE
        state = State.STARTING if self.active and not found["workers"] else self.state
        return {
            "state": state.value,
            **found,
            "draining": [generation.release for generation in self.leaving],
            "failedStep": self.failure.step if self.failure else None,
            "failure": self.failure.reason if self.failure else None,
        }
