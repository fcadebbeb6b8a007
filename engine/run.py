"""One operation on one stack: bindings, state service, broker, Pulumi, and what came of it."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from credentials.audit import Event
from engine import (
    bindings,
    config,
    environment,
    interruption,
    leftovers,
    place,
    project,
    recovery,
)
from engine.errors import EngineError
from engine.following import Listener, follow
from engine.launch import EVENT_LOG, PROGRAM_HOST, Command, Launch
from engine.operation import Operation, Outcome
from engine.run_service import serving
from engine.supervisor import PORT_PLACEHOLDER
from engine.turn import turn

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack
    from engine.toolchain.tool import Tool


class EngineMissing(EngineError):
    """There is no Pulumi engine yet."""

    exit_code = 6


def run(installation: "Installation", stack: "Stack", operation: Operation, listen: Listener) -> Outcome:
    """Do `operation` on `stack`; tells `listen` what happens while it happens.

    Raises EngineError where nothing could be started: no engine, no project, a provider without credential,
    another run.
    """
    from engine.state import stacks
    from engine.toolchain import pulumi

    tool = pulumi.locate(installation.home)
    if tool is None:
        raise EngineMissing("the Pulumi engine is not installed", hint="get it: tic engine install")
    where = project.of_stack(stack.project, stack.folder, Path.cwd())
    if operation.runs_program:
        project.check_program(where)
    config.check(installation.vault, stack, where.folder)
    common = environment.base(os.environ, operation.passed)
    common["PATH"] = environment.search_path(os.environ, tool.path.parent)
    outcome = Outcome()
    leftovers.sweep(installation.home)
    with (
        _turn(installation, stack, operation),
        interruption.heard(),
        leftovers.private_folder(installation.home) as private,
        Launch(_program(where, operation, common), private) as launch,
    ):
        recovery.before(installation, stack, listen)
        here = place.of_stack(stack.project, where.folder)
        attempt = Event("binding.set", "done", stack=stack.full_name)
        with installation.vault.quiet_change(attempt) as change:
            if str(where.folder) != stack.folder:
                stacks.move(change.connection, stack.id, str(where.folder))
            bound = bindings.complete(change.connection, stack.id, stack.full_name, here)
        with serving(installation, stack, bound, here, private, outcome, operation, listen) as served:
            words = _words(tool, stack, operation, inline=where.inline)
            launch.start(Command(words, {**common, **served.environment(private)}, where.folder))
            follow(launch, outcome, listen, served.sieve)
            for record in served.close():
                listen(record)
        interruption.ignore()
        recovery.after(installation, stack, operation.kind, succeeded=outcome.succeeded)
    return outcome


def _turn(installation: "Installation", stack: "Stack", operation: Operation) -> AbstractContextManager[None]:
    """The stack's turn; a preview changes nothing and waits for nobody."""
    return nullcontext() if operation.kind == "preview" else turn(installation.home, stack, operation.kind)


def _program(where: project.Project, operation: Operation, common: Mapping[str, str]) -> Command | None:
    """The host of the project's Python program, where the operation runs it and tic serves it."""
    if where.interpreter is None or not operation.runs_program:
        return None
    return Command([str(where.interpreter), str(PROGRAM_HOST), str(where.main)], common, where.folder)


def _words(tool: "Tool", stack: "Stack", operation: Operation, *, inline: bool) -> list[str]:
    """Pulumi's command line; no secret is among them."""
    words = [str(tool.path), *operation.arguments(), "--stack", stack.reference, "--event-log", EVENT_LOG]
    if inline and operation.runs_program:
        words += ["--exec-kind", "auto.inline", f"--client=127.0.0.1:{PORT_PLACEHOLDER}"]
    return words
