"""What a credential's program says of its own timing fills in what nobody else said (SPEC D3)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from engine.timing import POLLING, PROPAGATION, Timing

if TYPE_CHECKING:
    from credentials.kinds import Kind
    from credentials.secret import SecretBytes

PROGRAM: Final = "exec"


def timed_by_program(
    timing: Timing, kind: "Kind", fields: "Mapping[str, SecretBytes]", machine: Mapping[str, str]
) -> Timing:
    """`timing`, and what is not said there by the program of an `exec` credential. Raises ProgramUnsafe."""
    if kind.name != PROGRAM or {PROPAGATION, POLLING} <= timing.values.keys():
        return timing
    from stacks.dns import program_timing  # here, because few kinds are programs

    environment = {name: value.reveal().decode() for name, value in kind.lego_environment(fields).items()}
    wanted = program_timing.ask(fields["path"].reveal().decode(), environment, machine)
    own = {PROPAGATION: wanted.timeout, POLLING: wanted.interval}
    return Timing({**{name: value for name, value in own.items() if value}, **timing.values})
