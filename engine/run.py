"""One operation on one stack: bindings, state service, broker, Pulumi, and what came of it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from credentials.audit import Event
from engine import (
    bindings,
    config,
    delivery,
    environment,
    events,
    interruption,
    leftovers,
    place,
    project,
    recovery,
    role_delivery,
)
from engine.actor import user_name
from engine.errors import EngineError
from engine.launch import EVENT_LOG, PROGRAM_HOST, Command, Exited, Launch, Said
from engine.removal import removing
from engine.supervisor import PORT_PLACEHOLDER
from engine.turn import turn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from credentials.scopes import Place
    from credentials.secret import SecretBytes
    from engine.installation import Installation
    from engine.state.residue import Residue
    from engine.state.sieve import Sieve
    from engine.state.stacks import Stack
    from engine.toolchain.tool import Tool

Kind = Literal["up", "preview", "refresh", "destroy"]
Listener = Callable[[events.Event], None]
QUIET = ("--non-interactive", "--color", "never")
APPLY = ("--yes", "--skip-preview")
LOGGING_IN = "Logging in using access token"


@dataclass(frozen=True, slots=True)
class Operation:
    """What to do, with Pulumi's own options: targets are URNs, `parallel` counts resources, `passed` names
    variables.
    """

    kind: Kind
    targets: Sequence[str] = ()
    replace: Sequence[str] = ()
    parallel: int | None = None
    message: str = ""
    passed: Sequence[str] = ()
    clear_pending_creates: bool = False

    @property
    def runs_program(self) -> bool:
        """Whether the project's program is run; the others work from the state alone."""
        return self.kind in ("up", "preview")

    def arguments(self) -> list[str]:
        """The words for Pulumi's command line; never a secret."""
        words = [self.kind, *QUIET, *(() if self.kind == "preview" else APPLY)]
        for target in self.targets:
            words += ["--target", target]
        for urn in self.replace:
            words += ["--replace", urn]
        if self.parallel is not None:
            words += ["--parallel", str(self.parallel)]
        if self.clear_pending_creates:
            words.append("--clear-pending-creates")
        if self.message and self.kind != "preview":
            words += ["--message", self.message]
        return words


@dataclass(slots=True)
class Outcome:
    """What came of a run; `printed` is what Pulumi wrote outside its events, `caught` what was sealed at the
    door.
    """

    succeeded: bool = False
    interrupted: bool = False
    changes: Mapping[str, int] = field(default_factory=dict)
    seconds: int = 0
    errors: list[events.Diagnostic] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    caught: "list[Residue]" = field(default_factory=list)


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
        with _serving(installation, stack, bound, here, private, outcome, operation, listen) as served:
            words = _words(tool, stack, operation, inline=where.inline)
            launch.start(Command(words, {**common, **served.environment(private)}, where.folder))
            _follow(launch, outcome, listen, served.sieve)
            for record in served.close():
                listen(record)
        interruption.ignore()
        recovery.after(installation, stack, operation.kind, succeeded=outcome.succeeded)
    return outcome


def _turn(installation: "Installation", stack: "Stack", operation: Operation) -> AbstractContextManager[None]:
    """The stack's turn; a preview changes nothing and waits for nobody."""
    return nullcontext() if operation.kind == "preview" else turn(installation.home, stack, operation.kind)


@dataclass(frozen=True, slots=True)
class Served:
    """What the run's processes reach: the state service and the broker on one loopback address."""

    url: str
    pulumi_home: Path
    access_token: str
    broker_token: str
    variables: "Mapping[str, SecretBytes]"
    files: Mapping[str, str]
    sieve: "Sieve"
    close: Callable[[], list[events.Notice]]

    def environment(self, private: Path) -> dict[str, str]:
        """What the engine gets beside the allow-list; `private` is a folder that is gone after the run."""
        secret = {name: value.reveal().decode() for name, value in self.variables.items()}
        return {
            **secret,
            **self.files,
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_BACKEND_URL": self.url,
            "PULUMI_ACCESS_TOKEN": self.access_token,
            "PULUMI_CREDENTIALS_PATH": str(private),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # what shows --event-log, as the Automation API sets it
            "PULUMI_JOURNALING_BATCH_PERIOD": "10",  # milliseconds; by default each step waits up to 50
            "TIC_BROKER_URL": f"{self.url}/broker",
            "TIC_BROKER_TOKEN": self.broker_token,
        }


@contextmanager
def _serving(
    installation: "Installation",
    stack: "Stack",
    bound: Sequence[bindings.Binding],
    here: "Place",
    private: Path,
    outcome: Outcome,
    operation: Operation,
    listen: Listener,
) -> Iterator[Served]:
    from credentials.delivery import for_run
    from engine.broker import Broker
    from engine.leases import lessee
    from engine.state.server import serve
    from engine.state.service import Access, StateService
    from engine.state.sieve import Sieve

    database, vault, sieve = installation.database, installation.vault, Sieve()
    tokens = bindings.tokens(bound)
    service = StateService(database, vault, removing=removing(vault))

    def make() -> "ASGIApp":
        from engine.broker_app import broker_app
        from engine.state.app import app

        web = app(service)
        web.mount("/broker", broker_app(broker))
        return web

    with lessee(vault, place=here, stack=stack.full_name, learn=sieve.add) as mine:
        purpose = f"{operation.kind} {stack.full_name}"
        handed = for_run([mine.opened(token, purpose) for token in tokens.values()])
        broker = Broker(database, mine, stack, tokens, tell=listen)
        access = service.admit(
            Access(user=user_name(), stack_id=stack.id, sieve=sieve, on_caught=outcome.caught.append)
        )
        try:
            with (
                delivery.run_files(installation.home, private, stack.id, handed.files) as files,
                serve(make) as url,
            ):
                for provider in role_delivery.served_by_role(tokens):
                    if notice := role_delivery.warning(provider, mine.sessions):
                        listen(notice)
                given = role_delivery.variables(
                    tokens, handed.variables, broker_url=f"{url}/broker", broker_token=broker.token
                )
                pulumi = installation.home.pulumi
                yield Served(url, pulumi, access, broker.token, given, files, sieve, broker.close)
        finally:
            broker.close()
            service.dismiss(access)


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


def _follow(launch: Launch, outcome: Outcome, listen: Listener, sieve: "Sieve") -> None:
    messages = launch.messages()
    interrupts = 0
    echoes: list[events.Event] = []
    while True:
        try:
            message = next(messages)
        except KeyboardInterrupt:
            interrupts += 1
            outcome.interrupted = True
            if interrupts == 1:
                launch.interrupt()
                listen(
                    events.Notice(
                        "interrupted: Pulumi finishes what is under way; press Ctrl-C again to end it now",
                        "warning",
                    )
                )
            else:
                launch.stop()
                interruption.ignore()
            messages = launch.messages()
            continue
        if isinstance(message, Exited):
            outcome.succeeded = message.code == 0
            if message.code < 0 and not outcome.interrupted:
                outcome.printed.append(f"the Pulumi engine was killed (signal {-message.code})")
            if not outcome.errors:
                for echo in echoes:
                    listen(echo)
            return
        if isinstance(message, Said):
            _heard(message, outcome, listen, sieve)
        else:
            event = events.read(message)
            if event is not None and events.is_echo(event):
                echoes.append(event)
            else:
                _happened(event, outcome, listen, sieve)


def _heard(said: Said, outcome: Outcome, listen: Listener, sieve: "Sieve") -> None:
    line = sieve.redact(said.line)
    if said.stream.startswith("program"):
        listen(events.Notice(line))
    elif said.stream == "pulumi-stderr" and line.strip() and not line.startswith(LOGGING_IN):
        outcome.printed.append(line)


def _happened(event: events.Event | None, outcome: Outcome, listen: Listener, sieve: "Sieve") -> None:
    if event is None:
        return
    if isinstance(event, events.Diagnostic):
        event = events.Diagnostic(event.severity, sieve.redact(event.message), event.urn)
        if event.severity == "error":
            if any(known.message in event.message for known in outcome.errors):
                return  # Pulumi says it once more, as the program's failure
            outcome.errors.append(event)
    if isinstance(event, events.Summary):
        outcome.changes, outcome.seconds = event.changes, event.seconds
    listen(event)
