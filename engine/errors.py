"""The root of what the engine refuses or cannot do; the CLI prints message and hint in one place."""


class EngineError(Exception):
    """Something that tic's engine could not do: `hint` is the next command or step, never empty."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint
