"""What took a deployment's place, where both have the same thing: only the last of them removes it."""

from collections.abc import Callable

from stacks.provider.resource import Values
from stacks.provider.run import Operation


def is_its_replacements(
    operation: Operation, token: str, thing: str, of: Callable[[Values], str | None]
) -> bool:
    """Whether what took this one's place has the same `thing`, which `of` tells of outputs: made in this run,
    or in one that was killed before it had deleted what it replaced. Of a resource and those that it
    replaced, the last one that is deleted takes the thing along.
    """
    run, urn = operation.run, operation.urn
    if run.uploaded.get(thing) == urn:
        return True
    here = next((each for each in run.held(token) if each.urn == urn), None)
    if here is None or of(here.outputs) != thing:
        return False
    waiting = len([each for each in here.replaced if of(each) == thing])
    with run.alone(token, urn):
        run.spared[urn, thing] += 1
        return run.spared[urn, thing] <= waiting
