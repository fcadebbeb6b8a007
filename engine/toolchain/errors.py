"""What can go wrong while a program is found or got; each says what the user can do."""

from engine.errors import EngineError


class ToolchainError(EngineError):
    """A program that tic needs is missing and could not be got."""

    exit_code = 6


class CacheUnusable(ToolchainError):
    """The cache folder can't be made or written, or its disk is full."""


class WayFailed(Exception):
    """One way of getting a program does not work here; `reason` is a clause that follows the way's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
