"""One operation on one stack: bindings, state service, broker, Pulumi, and what came of it."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credentials.audit import Event
from engine import (
    bindings,
    config,
    environment,
    going_on,
    interruption,
    language_hosts,
    leftovers,
    place,
    program_packages,
    project,
    recovery,
    rereading,
    room,
    standings,
    unbound,
)
from engine.errors import EngineError
from engine.events import Notice
from engine.following import Listener, follow
from engine.launch import EVENT_LOG, PROGRAM_HOST, ROLLBACK_HOST, Command, Launch
from engine.operation import Operation, Outcome
from engine.run_service import Served, serving
from engine.supervisor import PORT_PLACEHOLDER
from engine.turn import turn

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.pending import PendingOperation
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
    from engine.state import other_seals, stacks
    from engine.toolchain import pulumi

    tool = pulumi.locate(installation.home)
    if tool is None:
        raise EngineMissing("the Pulumi engine is not installed", hint="get it: tic engine install")
    where = project.of_stack(stack.project, stack.folder, Path.cwd())
    hosts: list[Path] = []
    if operation.runs_program:
        project.check_program(where)
        program_packages.check(where)
        hosts = language_hosts.folders(installation.home, where, tool.path)
    with installation.database.read() as connection:
        other_seals.refuse(connection, stack)
    config.check(installation.vault, stack, where.folder)
    common = environment.base(os.environ, operation.passed)
    common["PATH"] = environment.search_path(os.environ, tool.path.parent, *hosts)
    with installation.database.read() as connection:
        common |= environment.slots_told(each.key for each in bindings.bound(connection, stack.id))
    outcome = Outcome()
    room.check(installation.home)
    if ended := leftovers.sweep(installation.home):
        listen(Notice(f"{ended} processes that a killed run had left on this machine are ended"))
    with (
        _turn(installation, stack, operation),
        interruption.heard(),
        leftovers.private_folder(installation.home) as private,
        room.kept(installation, private) as spare,
        Launch(_program(where, operation, common), private) as launch,
    ):
        cut_off = recovery.before(installation, stack, listen, only_looks=operation.changes_nothing)
        here = place.of_stack(stack.project, where.folder)
        attempt = Event("binding.set", "done", stack=stack.full_name)
        with installation.vault.quiet_change(attempt) as change:
            if str(where.folder) != stack.folder:
                stacks.move(change.connection, stack.id, str(where.folder))
            bound = bindings.complete(change.connection, stack.id, stack.full_name, here)
        with serving(installation, stack, bound, here, private, outcome, operation, listen) as served:
            pulumi_here = _Pulumi(tool, stack, where, common, served, spare)
            unread = _reread(installation, pulumi_here, operation, cut_off, outcome, listen)
            if not outcome.interrupted:
                pulumi_here.carry_out(launch, private, operation, outcome, listen)
            for unserved in unbound.found(installation, stack, bound, outcome.errors):
                listen(unserved)
            for record in served.close():
                listen(record)
        interruption.ignore()
        recovery.after(installation, stack)
        recovery.note(installation, stack, [*outcome.unanswered, *unread], listen)
        if cut_off or not outcome.succeeded:
            recovery.name_creates(installation, stack, listen)
    if not outcome.succeeded and operation.kind in ("up", "destroy"):
        untried = [*outcome.untried, *_meant(installation, stack, operation)]
        outcome.standings = standings.standings(outcome.steps, outcome.errors, untried)
    return outcome


def _meant(installation: "Installation", stack: "Stack", operation: Operation) -> list[str]:
    """The resources of the state that the operation was to come to, by URN; none where it chose some."""
    from engine.state import checkpoints

    if operation.targets:
        return []
    with installation.database.read() as connection:
        resources = checkpoints.deployment(connection, stack.id).get("resources") or ()
    return [each["urn"] for each in resources if not each.get("delete")]


def _turn(installation: "Installation", stack: "Stack", operation: Operation) -> AbstractContextManager[None]:
    """The stack's turn; a preview changes nothing and waits for nobody."""
    return nullcontext() if operation.changes_nothing else turn(installation.home, stack, operation.kind)


def _program(where: project.Project, operation: Operation, common: Mapping[str, str]) -> Command | None:
    """The host of the project's Python program, where the operation runs it and tic serves it; or that of
    what is registered in its place.
    """
    if operation.registers is not None:
        argv = [sys.executable, "-P", str(ROLLBACK_HOST)]
        return Command(argv, common, where.folder, operation.registers())
    if where.interpreter is None or not operation.runs_program:
        return None
    return Command([str(where.interpreter), str(PROGRAM_HOST), str(where.main)], common, where.folder)


@dataclass(frozen=True, slots=True)
class _Pulumi:
    """The engine on one stack, with what it is served."""

    tool: "Tool"
    stack: "Stack"
    where: project.Project
    common: Mapping[str, str]
    served: Served
    spare: room.Room

    def carry_out(
        self, launch: Launch, private: Path, operation: Operation, outcome: Outcome, listen: Listener
    ) -> None:
        """Start it for `operation`, and follow it to its end."""
        surroundings = {**self.common, **self.served.environment(private)}
        launch.start(Command(self._words(operation), surroundings, self.where.folder))

        def stop() -> None:
            listen(room.NOTICE)
            launch.interrupt()

        with self.spare.then(stop):
            follow(launch, outcome, listen, self.served.sieve)

    def _words(self, operation: Operation) -> list[str]:
        """The command line; no secret is among them."""
        stack = ["--stack", self.stack.reference]
        words = [str(self.tool.path), *operation.arguments(), *stack, "--event-log", EVENT_LOG]
        if self._goes_on(operation):
            words.append(going_on.WORD)
        if operation.registers is not None or (self.where.inline and operation.runs_program):
            words += ["--exec-kind", "auto.inline", f"--client=127.0.0.1:{PORT_PLACEHOLDER}"]
        return words

    def _goes_on(self, operation: Operation) -> bool:
        if operation.kind == "destroy":
            return True  # what depends on what stays, stays too
        return operation.kind == "up" and operation.runs_program and self.where.runtime in ("python", "yaml")


def _reread(
    installation: "Installation",
    pulumi_here: _Pulumi,
    operation: Operation,
    cut_off: "Sequence[PendingOperation]",
    outcome: Outcome,
    listen: Listener,
) -> list[dict[str, Any]]:
    """Read what an earlier run was cut off from changing; returns what could not be read."""
    cut_off = [each for each in cut_off if each.kind != "creating"]
    if cut_off and operation.changes_nothing:
        listen(rereading.planned(cut_off))
    if not rereading.needed(operation, cut_off):
        return []

    def apart(reading: Operation, read: Outcome, hear: Listener) -> None:
        with (
            leftovers.private_folder(installation.home) as private,
            Launch(None, private) as launch,
        ):
            pulumi_here.carry_out(launch, private, reading, read, hear)

    read, unread = rereading.reread(apart, operation, cut_off, listen)
    outcome.interrupted = read.interrupted
    recovery.note(installation, pulumi_here.stack, unread, listen)
    return unread
