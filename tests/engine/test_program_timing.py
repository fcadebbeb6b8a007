"""D2, D3: a program's own timing counts where the credential, the record and the environment say nothing."""

from pathlib import Path

import pytest

from credentials import kinds
from credentials.secret import SecretBytes
from engine.program_timing import timed_by_program
from engine.timing import POLLING, PROPAGATION, SEQUENCE, Timing
from tests.stacks.dns.provider_programs import shell


@pytest.fixture
def fields(tmp_path: Path) -> dict[str, SecretBytes]:
    lines = [f"echo ran >> {tmp_path}/ran", """echo '{"timeout": 30, "interval": 5}'"""]
    script = shell(tmp_path / "publish", *lines)
    return {"path": SecretBytes(str(script).encode())}


def test_what_nobody_said_the_program_does(fields: dict[str, SecretBytes]) -> None:
    kind = kinds.load("exec")
    assert timed_by_program(Timing(), kind, fields, {}).values == {PROPAGATION: 30, POLLING: 5}
    said = Timing({PROPAGATION: 90, SEQUENCE: 1})
    assert timed_by_program(said, kind, fields, {}).values == {PROPAGATION: 90, POLLING: 5, SEQUENCE: 1}


def test_a_program_is_not_asked_where_all_is_said(fields: dict[str, SecretBytes], tmp_path: Path) -> None:
    said = Timing({PROPAGATION: 90, POLLING: 1})
    assert timed_by_program(said, kinds.load("exec"), fields, {}) == said
    assert timed_by_program(Timing(), kinds.load("httpreq"), fields, {}) == Timing()
    assert not (tmp_path / "ran").exists()
