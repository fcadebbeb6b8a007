"""What every target that replaces in place promises; the tests of each inherit it."""

import logging
import sys
from datetime import timedelta
from typing import Any, Protocol

import pytest

from credentials import privileges
from stacks.errors import StackError
from stacks.provider.properties import Change
from stacks.provider.run import Run
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.deploy.placed import Placed

CANARY = "cAnArY-Of-ThE-dEpLoYmEnT"


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


class Keeping:
    """`WRITE` and `DELETE` are the permissions for these; `SAME_ID` where what is replaced keeps its id."""

    WRITE: str
    DELETE: str
    kind: str
    SAME_ID = True

    def test_it_goes_there_and_the_same_again_changes_nothing(self, at: At) -> None:  # E2
        made = chain("a.test")
        state = at.place.up(made)
        assert at.has() == {at.place.id: state["fingerprint"]}
        assert state["serial"] == "1234"
        at.taken()
        assert at.place.diff(made) == {}
        assert at.place.refresh() == state
        assert self.WRITE == self.DELETE or self.WRITE not in at.taken()  # one right for all tells nothing

    def test_a_renewal_replaces_it_in_place(self, at: At) -> None:  # E2
        at.place.up(chain("a.test"))
        old = at.place.id
        state = at.place.up(chain("a.test", "b.test", serial=0x5678))
        assert at.has() == {at.place.id: state["fingerprint"]}
        assert (at.place.id == old) is self.SAME_ID
        assert (state["serial"], state["superseded"]) == ("5678", None)
        assert at.place.ear.warned == []

    @pytest.mark.parametrize("wrong", ["key", "chain", "names", "expired"])
    def test_what_does_not_belong_together_is_never_sent(self, at: At, wrong: str) -> None:  # E2
        made, other = chain("a.test"), chain("a.test")
        wrongs: dict[str, dict[str, Any]] = {
            "key": {"privateKeyPem": other.key},
            "chain": {"chainPem": other.intermediate},
            "names": {"domains": ["b.test"]},
        }
        if wrong == "expired":
            made = chain("a.test", lifetime=timedelta())
        with pytest.raises(StackError, match="nothing was sent"):
            at.place.up(made, **wrongs.get(wrong, {}))
        assert at.taken() == []

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
        state = at.place.up(renewal(2))  # without a refresh
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
        for number in range(5):
            at.put(chain(f"{number}.test", serial=number + 10))
        made = chain("a.test")
        at.place.up(made)
        lost, there = at.place.id, at.has()
        at.place.lose()
        at.place.up(made)
        assert at.place.id == lost
        assert at.has() == there

    def test_a_permission_that_is_missing_is_named(self, at: At) -> None:
        at.deny(self.WRITE)
        with pytest.raises(StackError) as refused:
            at.place.up(chain("a.test"))
        assert self.WRITE in str(refused.value)
        assert f"tic creds privileges {at.place.target.kind} --for deploy" in refused.value.hint
        assert at.has() == {}
        at.deny()
        at.place.up(chain("a.test"))
        assert set(at.has()) == {at.place.id}

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

    def test_issuing_and_renewing_call_no_more_than_the_least_privileges(self, at: At) -> None:  # B9
        at.place.up(chain("a.test"))
        at.place.up(renewal(2))
        at.place.refresh()
        called = set(at.taken())
        assert self.WRITE in called
        self.kind = at.place.target.kind
        assert called <= self.least()

    def least(self) -> set[str]:
        return set(privileges.load(self.kind).purposes["deploy"].privileges)

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
        at.place.destroy()
        keys = [line for line in made.key.splitlines() if not line.startswith("-----")]
        told = "\n".join([*at.place.failures, caplog.text, *capfd.readouterr(), *at.place.ear.warned])
        assert len(at.place.failures) == 2
        assert [each for each in (CANARY, *keys) if each in told] == []

    @pytest.mark.parametrize("seed", [1, 2])
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
        assert at.place.faults.count


class NeedsPackage:
    """Promised besides where `SDK` is a module of the extra `EXTRA`."""

    SDK: str
    EXTRA: str

    def test_a_missing_package_is_told(self, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, self.SDK, None)
        with pytest.raises(StackError) as refused:
            at.place.up(chain("a.test"))
        assert refused.value.exit_code == 6
        assert f"pip install 'tic-engine[{self.EXTRA}]'" in refused.value.hint


class KeepingUnnamed(Keeping):
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
