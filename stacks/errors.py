"""The root of what certificates, records and deployments fail with; the CLI and the plugin print it whole."""


class StackError(Exception):
    """Something that a resource of tic could not do: `hint` is the next command or step, never empty."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint
