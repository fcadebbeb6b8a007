"""An Endpoint waits until what is served is what was issued, and sees when it no longer is (E3)."""

from pathlib import Path

import pytest

from stacks.errors import StackError
from stacks.provider.deploy.endpoint import Endpoint
from stacks.provider.properties import Change
from stacks.provider.run import Interrupted, Operation, Run
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.driver import Ear, State
from tests.stacks.serving.servers import serving
from tests.stacks.serving.test_comparison import Files

ENDPOINT = Endpoint()


def inputs(port: int, made: Chain, seconds: float = 20.0) -> State:
    given = {
        "address": f"127.0.0.1:{port}?sni=a.test",
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "timeoutSeconds": seconds,
    }
    checked = ENDPOINT.check(given)
    assert checked.failures == []
    return checked.inputs


class Reloading(Ear):
    """A server that reads its files when somebody waits for it."""

    def __init__(self, files: Files, to: Chain) -> None:
        super().__init__()
        self._files, self._to = files, to

    def say(self, urn: str, text: str) -> None:
        super().say(urn, text)
        self._files.show(self._to, self._to.intermediate)


def test_the_run_waits_until_it_is_served(tmp_path: Path) -> None:
    old, new = chain("a.test", serial=1), chain("a.test", serial=2)
    files = Files(tmp_path)
    files.show(old, old.intermediate)
    ear = Reloading(files, new)
    with serving(files) as port:
        made = ENDPOINT.create(Operation.begin(Run({}, ear), "urn"), inputs(port, new))
    assert made.outputs == {"addresses": ["127.0.0.1"], "serial": "2", "drift": None}
    assert "serves another certificate: serial 1" in ear.said[0]


def test_what_is_not_served_in_time_fails_with_what_is_served_instead(tmp_path: Path) -> None:
    files, made = Files(tmp_path), chain("a.test")
    files.show(chain("a.test", serial=0x77))
    with (
        serving(files) as port,
        pytest.raises(StackError, match=r"serves another certificate: serial 77") as failed,
    ):
        ENDPOINT.create(Operation.begin(Run({}, Ear()), "urn"), inputs(port, made, seconds=0.1))
    assert "tic stack up" in failed.value.hint


def test_a_refresh_sees_what_is_served_instead_and_the_next_run_waits_again(tmp_path: Path) -> None:
    files, made, other = Files(tmp_path), chain("a.test"), chain("a.test", serial=0x77)
    files.show(made, made.intermediate)
    operation = Operation.begin(Run({}, Ear()), "urn")
    with serving(files) as port:
        given = inputs(port, made)
        state = {**given, **ENDPOINT.create(operation, given).outputs}
        assert ENDPOINT.read(operation, state) == ENDPOINT.kept(state)
        files.show(other, other.intermediate)
        found = ENDPOINT.read(operation, state)
        assert found is not None
        assert "serial 77" in found["drift"]
        drifted = {**state, **found}
        assert ENDPOINT.diff(operation, drifted, given, ()) == {"drift": Change.UPDATE}
        files.show(made, made.intermediate)
        assert ENDPOINT.update(operation, drifted, given)["drift"] is None


def test_a_cancelled_run_ends_the_wait(tmp_path: Path) -> None:
    files, made = Files(tmp_path), chain("a.test")
    files.show(chain("a.test", serial=0x77))
    run = Run({}, Ear())
    run.cancelled.set()
    with serving(files) as port, pytest.raises(Interrupted):
        ENDPOINT.create(Operation.begin(run, "urn"), inputs(port, made))


@pytest.mark.parametrize(
    ("name", "value"), [("address", "ftp://x"), ("timeoutSeconds", 0), ("timeoutSeconds", 10**6)]
)
def test_what_can_not_be_used_is_refused(name: str, value: object) -> None:
    given = {"address": "a.test", "certificatePem": "x", name: value}
    assert [each.path for each in ENDPOINT.check(given).failures] == [name]


def test_a_text_that_is_no_certificate_is_told_in_words_of_our_own() -> None:
    given = {**inputs(1, chain("a.test")), "certificatePem": "x"}
    with pytest.raises(StackError, match="the certificate is not the PEM text of one or more"):
        ENDPOINT.create(Operation.begin(Run({}, Ear()), "urn"), given)
