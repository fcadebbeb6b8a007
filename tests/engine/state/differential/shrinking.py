"""Smaller cases that still tell the backends apart: steps, resources, inputs and options go one by one."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from typing import Any

from tests.engine.state.differential.program import Declared, Options, Program
from tests.engine.state.differential.steps import Case, Run


def shrunk(case: Case, differs: Callable[[Case], bool], *, tries: int) -> Case:
    """The smallest case that was found in so many tries; `differs` is True for `case` itself."""
    left = tries
    while True:
        for smaller in _smaller(case):
            if left == 0:
                return case
            left -= 1
            if differs(smaller):
                case = smaller
                break
        else:
            return case


def _smaller(case: Case) -> Iterator[Case]:
    """Cases with one thing less, the largest things first."""
    for number in reversed(range(len(case.steps))):
        if len(case.steps) > 1:
            yield replace(case, steps=case.steps[:number] + case.steps[number + 1 :])
    names = {name: None for program in _programs(case) for name in program.names()}
    for name in names:
        yield _each(case, partial(Program.without, name=name))
    for number, step in enumerate(case.steps):
        if isinstance(step, Run):
            for smaller in _smaller_run(step):
                yield replace(case, steps=(*case.steps[:number], smaller, *case.steps[number + 1 :]))
    if any(program.exports for program in _programs(case)):
        yield _each(case, lambda program: replace(program, exports={}))
    for name in names:
        for thinner in _thinner(case, name):
            yield _each(case, partial(_thinned, name=name, thinner=thinner))


def _programs(case: Case) -> list[Program]:
    return [step.program for step in case.steps if isinstance(step, Run)]


def _each(case: Case, change: Callable[[Program], Program]) -> Case:
    steps = tuple(
        replace(step, program=change(step.program)) if isinstance(step, Run) else step for step in case.steps
    )
    return replace(case, steps=steps)


def _smaller_run(step: Run) -> Iterator[Run]:
    if step.words:
        yield replace(step, words=())
    if step.planned:
        yield replace(step, planned=False)
    if step.cut:
        yield replace(step, cut=None)


Thinner = Callable[[Declared], Declared]


def _thinner(case: Case, name: str) -> Iterator[Thinner]:
    """Ways to take one input or one option away from the resource of that name, wherever it is declared."""
    found = [one for program in _programs(case) for one in program.declared if one.name == name]
    for key in {key: None for one in found for key in one.inputs}:
        yield partial(_without_input, key=key)
    for option in fields(Options):
        if any(getattr(one.options, option.name) != option.default for one in found):
            yield partial(_without_option, option=option.name, default=option.default)


def _without_input(declared: Declared, key: str) -> Declared:
    return replace(declared, inputs={name: value for name, value in declared.inputs.items() if name != key})


def _without_option(declared: Declared, option: str, default: Any) -> Declared:
    return replace(declared, options=replace(declared.options, **{option: default}))


def _thinned(program: Program, name: str, thinner: Thinner) -> Program:
    declared = tuple(thinner(one) if one.name == name else one for one in program.declared)
    return replace(program, declared=declared)
