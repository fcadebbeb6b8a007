"""Pulumi programs as values, and a process for each run of one: the SDK keeps its state in globals."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import grpc
import pulumi
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc


@dataclass(frozen=True)
class Secret:
    """A value that the program marks as a secret."""

    value: Any


@dataclass(frozen=True)
class FromConfig:
    """A secret of the stack's configuration."""

    key: str


@dataclass(frozen=True)
class IdOf:
    """The id of another thing of the program."""

    name: str


@dataclass(frozen=True)
class Declared:
    """One thing of tests/plugins/trivial.py, after those that it needs."""

    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    parent: str | None = None
    formerly: str | None = None  # its name when it had no parent
    protect: bool = False
    delete_first: bool = False


@dataclass(frozen=True)
class Program:
    """A program: what it declares in this order, and what it exports."""

    declared: tuple[Declared, ...] = ()
    exports: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self) -> None:
        made: dict[str, pulumi.CustomResource] = {}
        for thing in self.declared:
            options = pulumi.ResourceOptions(
                depends_on=[made[name] for name in thing.needs],
                parent=made[thing.parent] if thing.parent else None,
                aliases=_former(thing.formerly),
                protect=thing.protect,
                delete_before_replace=thing.delete_first,
            )
            properties = {name: _value(value, made) for name, value in thing.properties.items()}
            made[thing.name] = pulumi.CustomResource(
                "trivial:index:Thing", thing.name, {"copied": None, **properties}, options
            )
        for name, value in self.exports.items():
            pulumi.export(name, _value(value, made))


def things(*names: str, **properties: Any) -> Program:
    """A program with these things, all with the same properties, none needing another."""
    return Program(tuple(Declared(name, properties) for name in names))


@contextmanager
def served(program: Callable[[], None]) -> Iterator[int]:
    """A process that runs `program` whenever the engine asks; yields its port."""
    here, there = _processes.Pipe()
    process = _processes.Process(target=_serve, args=(program, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()
        here.close()
        there.close()


def _serve(program: Callable[[], None], port: Connection) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
    port.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    server.wait_for_termination()


def _value(value: Any, made: Mapping[str, pulumi.CustomResource]) -> Any:
    match value:
        case Secret(inner):
            return pulumi.Output.secret(inner)
        case FromConfig(key):
            return pulumi.Config().require_secret(key)
        case IdOf(name):
            return made[name].id
    return value


def _former(name: str | None) -> list[pulumi.Input[str | pulumi.Alias]] | None:
    return [pulumi.Alias(name=name, parent=pulumi.ROOT_STACK_RESOURCE)] if name else None


# The server of forks has the SDK loaded already, and nothing of it running.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])
