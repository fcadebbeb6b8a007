"""What every target at a service promises; the tests of each inherit it, and have the fixture `at`."""

import logging
import sys
from datetime import timedelta
from typing import Any, ClassVar, Protocol

import pytest

from credentials import privileges
from stacks.errors import StackError
from stacks.provider.deploy.key_form import telling_lines
from stacks.provider.properties import Change
from stacks.provider.run import Run
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.deploy.placed import Placed, nothing_told

CANARY = "cAnArY-Of-ThE-dEpLoYmEnT"
SEEDS = [1, 2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 12))]


class At(Protocol):
    """An emulated service with one deployment: what it has, and what can happen to it."""

    place: Placed

    def has(self) -> dict[str, str]:
        """The SHA-256 of each certificate that is there, by id."""
        ...

    def put(self, made: Chain) -> str:
        """Somebody else's certificate, put there by hand; its id."""
        ...

    def swap(self, id_: str, made: Chain) -> None:
        """Somebody puts another one in its place."""
        ...

    def lose(self, id_: str) -> None:
        """Somebody deletes it."""
        ...

    def deny(self, *actions: str) -> None:
        """Take these permissions, and no others, from the credential."""
        ...

    def taken(self) -> list[str]:
        """The permissions that calls needed since this was asked last."""
        ...


class Promises:
    """`WRITE` and `DELETE` are the permissions for these; `SAME_ID` where what is replaced keeps its id.

    `OTHERS` are there beside a killed run's upload: more than a page, where there are pages. All is done
    without the permissions `SPARED`, where the credential has them not.
    """

    WRITE: ClassVar[str]
    DELETE: ClassVar[str]
    SAME_ID: ClassVar[bool] = True
    OTHERS: ClassVar[int] = 5
    SPARED: ClassVar[tuple[str, ...]] = ()

    def test_it_goes_there_and_the_same_again_changes_nothing(self, at: At) -> None:  # E2, E4
        made = chain("a.test", "b.test")
        state = at.place.up(made)
        assert at.has() == {at.place.id: state["fingerprint"]}
        assert (state["serial"], state["superseded"], state["drift"]) == ("1234", None, None)
        outputs = {each.name for each in at.place.target.outputs}
        nothing_told(telling_lines(made.key), (str(state[each]) for each in outputs))
        assert "/credential/open" in at.place.broker.asked
        at.taken()
        assert at.place.diff(made) == {}
        assert at.place.refresh() == state
        assert at.place.again(made) == state
        assert at.place.up(made, domains=["a.test"])["certificateId"] == state["certificateId"]
        assert len(at.has()) == 1
        if self.WRITE != self.DELETE:  # one right for all tells nothing
            assert not {self.WRITE, self.DELETE} & set(at.taken())

    def test_a_renewal_replaces_it(self, at: At) -> None:  # E2
        at.place.up(chain("a.test"))
        old, renewed = at.place.id, chain("a.test", "b.test", serial=0x5678)
        assert set(at.place.diff(renewed).values()) == {Change.UPDATE}
        state = at.place.up(renewed)
        assert at.has() == {at.place.id: state["fingerprint"]}
        assert (at.place.id == old) is self.SAME_ID
        assert (state["serial"], state["superseded"]) == ("5678", None)
        assert at.place.diff(renewed) == {}
        assert at.place.ear.warned == []

    @pytest.mark.parametrize("wrong", ["key", "chain", "no chain", "names", "expired"])
    def test_what_does_not_belong_together_is_never_sent(self, at: At, wrong: str) -> None:  # E2
        made, other = chain("a.test"), chain("a.test")
        wrongs: dict[str, dict[str, Any]] = {
            "key": {"privateKeyPem": other.key},
            "chain": {"chainPem": other.intermediate},
            "no chain": {"chainPem": ""},
            "names": {"domains": ["b.test"]},
        }
        if wrong == "expired":
            made = chain("a.test", lifetime=timedelta())
        with pytest.raises(StackError, match="nothing was sent"):
            at.place.up(made, **wrongs.get(wrong, {}))
        assert at.taken() == []
        assert at.place.env.requests == []

    def test_names_are_compared_in_their_normal_form(self, at: At) -> None:  # E2
        made = chain("xn--bcher-kva.example", "a.test")
        state = at.place.up(made, domains=["Bücher.Example", "A.TEST."])
        assert at.has() == {at.place.id: state["fingerprint"]}
        assert at.place.diff(made, domains=["xn--bcher-kva.example", "a.test"]) == {}

    def test_what_somebody_changed_is_seen_and_put_back(self, at: At) -> None:
        made = chain("a.test")
        at.place.up(made)
        at.swap(at.place.id, renewal(9))
        seen = at.place.refresh()
        assert seen is not None
        assert seen["drift"]
        assert at.place.diff(made) == {"drift": Change.UPDATE}
        state = at.place.up(made)
        assert at.has() == {at.place.id: state["fingerprint"]}
        assert state["drift"] is None

    def test_what_somebody_deleted_is_gone_for_a_refresh_and_put_back(self, at: At) -> None:
        made = chain("a.test")
        at.place.up(made)
        at.lose(at.place.id)
        again = at.place.again(made)  # without a refresh
        assert at.has() == {again["certificateId"]: again["fingerprint"]}
        at.place.state = again
        at.lose(at.place.id)
        state = at.place.up(renewal(2))
        assert at.has() == {at.place.id: state["fingerprint"]}
        at.lose(at.place.id)
        assert at.place.refresh() is None
        at.place.up(made)
        assert set(at.has()) == {at.place.id}

    def test_destroying_removes_its_own_and_nothing_else(self, at: At) -> None:  # E2
        theirs = at.put(chain("theirs.test"))
        at.place.up(chain("a.test"))
        assert set(at.has()) == {theirs, at.place.id}
        gone = at.place.state
        at.place.destroy()
        assert set(at.has()) == {theirs}
        at.place.state = gone
        at.place.destroy()  # again: harmless

    def test_what_a_killed_run_uploaded_is_found(self, at: At) -> None:
        for number in range(self.OTHERS):
            at.put(chain(f"{number}.test", serial=number + 10))
        made = chain("a.test")
        at.place.up(made)
        lost, there = at.place.id, at.has()
        at.place.lose()
        at.place.up(made)
        assert at.place.id == lost
        assert at.has() == there

    def test_a_permission_that_is_missing_is_named(self, at: At) -> None:  # B9
        at.deny(self.WRITE)
        with pytest.raises(StackError) as refused:
            at.place.up(chain("a.test"))
        assert self.WRITE in str(refused.value)
        assert f"tic creds privileges {at.place.target.kind} --for deploy" in refused.value.hint
        assert at.has() == {}
        at.deny()
        at.place.up(chain("a.test"))
        assert set(at.has()) == {at.place.id}

    def test_each_permission_that_is_missing_is_named(
        self, at: At, caplog: pytest.LogCaptureFixture
    ) -> None:  # B9, and no secret is told
        made = chain("a.test")
        at.place.up(made)
        at.taken()
        everything(at, made)
        for action in sorted(set(at.taken())):
            for id_ in at.has():
                at.lose(id_)
            at.place.lose()
            at.place.up(made)
            at.deny(action)
            if action in self.SPARED:
                everything(at, made)
                at.deny()
                continue
            with pytest.raises(StackError) as refused:
                everything(at, made)
            assert action in str(refused.value)
            assert f"let the credential do {action}" in refused.value.hint
            printed = f"tic creds privileges {at.place.target.kind} --for deploy" in refused.value.hint
            assert printed or not self.granted(at, action)  # to remove is more than the least
            at.deny()
        nothing_told((CANARY, *at.place.keys), [caplog.text, *at.place.failures])

    def test_without_the_permission_to_delete_it_stays_and_is_told(self, at: At) -> None:
        at.place.up(chain("a.test"))
        at.deny(self.DELETE)
        with pytest.raises(StackError) as refused:
            at.place.destroy()
        assert self.DELETE in f"{refused.value} {refused.value.hint}"
        assert set(at.has()) == {at.place.id}
        at.deny()
        at.place.destroy()
        assert at.has() == {}

    def test_nothing_is_called_that_the_least_privileges_do_not_grant(self, at: At) -> None:  # B9
        at.place.up(chain("a.test"))
        at.place.up(renewal(2))
        at.place.refresh()
        called = set(at.taken())
        assert self.WRITE in called
        assert [action for action in sorted(called) if not self.granted(at, action)] == []

    def granted(self, at: At, action: str) -> bool:
        """Whether the least privileges grant it."""
        return action in privileges.load(at.place.target.kind).purposes["deploy"].privileges

    def test_secrets_are_in_no_log_and_in_no_error(
        self, at: At, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        made = chain("a.test")
        at.deny(self.WRITE)
        with pytest.raises(StackError):
            at.place.up(made)
        at.deny()
        at.place.faults.begin(seed=1, share=1)
        with pytest.raises(StackError):
            at.place.up(made)
        at.place.faults.begin(seed=1, share=0)
        at.place.up(made)
        at.place.up(renewal(2))
        at.place.destroy()
        assert len(at.place.failures) == 2
        told = [*at.place.failures, caplog.text, *capfd.readouterr(), *at.place.ear.warned]
        nothing_told((CANARY, *at.place.keys), told)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_with_faults_all_converges(self, at: At, seed: int) -> None:  # a tenth of the calls fail
        theirs = at.put(chain("theirs.test"))
        at.place.faults.begin(seed)
        for serial in range(2, 8):
            made = renewal(serial)
            state = at.place.until_done(lambda made=made: at.place.up(made))  # type: ignore[misc]
            assert at.has()[at.place.id] == state["fingerprint"]
            assert set(at.has()) == {theirs, at.place.id}
        at.place.until_done(at.place.destroy)
        assert set(at.has()) == {theirs}
        assert at.place.ear.warned == []
        assert at.place.faults.count or seed > 2  # by some seeds no call fails


class NeedsPackage:
    """Promised besides where `SDK` is a module of the extra `EXTRA`."""

    SDK: ClassVar[str]
    EXTRA: ClassVar[str]

    def test_a_missing_package_is_told(self, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [each for each in sys.modules if each.startswith(f"{self.SDK}.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, self.SDK, None)
        with pytest.raises(StackError) as refused:
            at.place.up(chain("a.test"))
        assert refused.value.exit_code == 6
        assert f"pip install 'tic-engine[{self.EXTRA}]'" in refused.value.hint


class Named:
    """Promised besides where the service knows it by a name."""

    def test_a_replacement_under_the_same_name_is_not_removed_with_the_old(self, at: At) -> None:
        place, made = at.place, chain("a.test")
        place.up(made)
        place.same_run = Run({**place.env, **place.broker.environment}, place.ear)
        old = place.another(place.name)
        old.state = place.state
        place.lose()
        place.up(made)
        old.destroy()
        assert set(at.has()) == {place.id}


class Unnamed:
    """Promised besides where the service knows no names."""

    def test_two_deployments_of_one_certificate_have_one_each(self, at: At) -> None:
        made = chain("a.test")
        at.place.up(made)
        at.place.remember()
        other = at.place.another("other")
        other.up(made)
        assert set(at.has()) == {at.place.id, other.id}
        assert at.place.id != other.id
        other.destroy()
        assert set(at.has()) == {at.place.id}

    def test_a_replacement_does_not_take_what_it_replaces(self, at: At) -> None:
        made = chain("a.test")
        at.place.up(made)
        at.place.remember()
        old = at.place.another(at.place.name)
        old.state = at.place.state
        at.place.lose()
        at.place.up(made)
        assert at.place.id != old.id
        old.destroy()
        assert set(at.has()) == {at.place.id}

    def test_also_where_both_are_made_in_one_run(self, at: At) -> None:
        place, made = at.place, chain("a.test")
        place.same_run = Run({**place.env, **place.broker.environment}, place.ear)
        other = place.another("other")
        place.up(made)
        other.up(made)
        assert set(at.has()) == {place.id, other.id}
        assert place.id != other.id


def renewal(serial: int) -> Chain:
    """A later certificate for the same name."""
    return chain("a.test", serial=serial, lifetime=timedelta(days=91, seconds=serial))


def everything(at: At, made: Chain) -> None:
    """Whatever a target does: renew twice, remove, make."""
    at.place.up(renewal(0x5678))
    at.place.up(made)
    at.place.destroy()
    at.place.up(renewal(0x9999))
