"""Another key for an account (E1): in place, signed by both, and found again whenever a run was killed."""

import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from josepy.jwk import JWK

from stacks.account_notes import KeyNote
from stacks.broker import BrokerError
from stacks.errors import StackError
from stacks.provider.acme.account import Account
from stacks.provider.acme.authority import Access, Authorities
from stacks.provider.acme.certificate import Certificate
from stacks.provider.acme.keys import make_key, signer, type_of
from stacks.provider.acme.order import Order
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.acme.rollover import signed_by_both
from stacks.provider.properties import Change
from tests.stacks.provider.acme.scripted_ca import PROBLEM, Said, scripted_ca
from tests.stacks.provider.broker_server import Refusal
from tests.stacks.provider.driver import Driver, State, access
from tests.stacks.provider.relay import Relay, relay

pytestmark = pytest.mark.server
ROLLOVER = "/rollover-account-key"


def wish(state: State, **inputs: Any) -> State:
    """The inputs of a program that has changed these."""
    return {
        each.name: state[each.name] for each in Account.inputs if state.get(each.name) is not None
    } | inputs


def rolled(driver: Driver, state: State, **inputs: Any) -> State:
    return driver.update(Account(), state, **wish(state, **inputs))


def holds(driver: Driver, state: State) -> bool:
    """Whether the CA has the state's key of the account."""
    who = Access(state["directoryUrl"], state["caCertificates"], state["privateKeyPem"])
    with Authorities().talk(who) as talk:
        return talk.account_of_key() == str(state["accountUri"])


def changes_asked(driver: Driver) -> int:
    """How often the CA was asked for a change of a key."""
    return driver.ca.log.count(f"POST {ROLLOVER}")


# In place


@pytest.mark.parametrize(
    ("before", "after"), [("ec256", "ec256"), ("ec256", "ec384"), ("ec384", "rsa2048"), ("rsa2048", "ec256")]
)
def test_an_account_gets_another_key_and_stays_the_account_that_it_is(
    driver: Driver, before: str, after: str
) -> None:
    """RFC 8555 7.3.5."""
    account = driver.account(keyType=before)
    inputs = wish(account, keyEpoch=2, keyType=after)
    assert set(driver.diff(Account(), account, **inputs).values()) == {Change.UPDATE}
    new = driver.update(Account(), account, **inputs)
    assert new["accountUri"] == account["accountUri"]
    assert type_of(new["privateKeyPem"]) == after
    assert holds(driver, new)
    assert not holds(driver, account)
    later = driver.next_run()
    assert later.diff(Account(), new, **inputs) == {}
    assert later.read(Account(), new) == new


def test_another_type_alone_is_another_key(driver: Driver) -> None:
    account = driver.account()
    assert driver.diff(Account(), account, **wish(account, keyType="ec384")) == {"keyType": Change.UPDATE}
    new = rolled(driver, account, keyType="ec384")
    back = rolled(driver.next_run(), new, keyType="ec256")
    assert back["privateKeyPem"] not in {account["privateKeyPem"], new["privateKeyPem"]}
    assert holds(driver, back)


def test_an_account_of_an_older_version_keeps_its_key(driver: Driver) -> None:
    account = driver.account()
    old = {name: value for name, value in account.items() if name not in {"keyEpoch", "termsAgreedAt"}}
    assert driver.diff(Account(), old, **wish(account)) == {}
    assert rolled(driver, old)["privateKeyPem"] == account["privateKeyPem"]
    assert holds(driver, rolled(driver, old, keyEpoch=2))


def test_a_preview_knows_no_key_that_is_not_there_yet(driver: Driver) -> None:
    account = driver.account()
    shown = Account().preview_update(account, wish(account, keyEpoch=2))
    assert shown["privateKeyPem"] != account["privateKeyPem"]
    assert shown["accountUri"] == account["accountUri"]
    assert Account().preview_update(account, wish(account, email="a@b.c"))["privateKeyPem"]


@pytest.mark.parametrize("epoch", [0, -1, 1.5])
def test_an_epoch_counts_from_one(epoch: float) -> None:
    given = {"directoryUrl": "letsencrypt", "keyEpoch": epoch}
    assert [each.path for each in Account().check(given).failures] == ["keyEpoch"]


# What the account has begun goes on


def test_an_order_that_waits_is_finished_with_the_new_key(driver: Driver) -> None:
    """Its challenges answer with the new key's fingerprint."""
    account = driver.account()
    order = driver.order(account, ["a.test", "*.b.test"])
    new = rolled(driver, account, keyEpoch=2)
    later = driver.next_run()
    inputs = later.order_inputs(new, order["domains"])
    assert later.diff(Order(), order, **inputs) == {"accountKeyPem": Change.UPDATE}
    order = later.update(Order(), order, **inputs)
    later.prove(order)
    assert later.certificate(order)["serial"]


def test_a_certificate_stays_and_the_next_one_is_ordered_by_the_same_account(driver: Driver) -> None:
    account = driver.account()
    order = driver.order(account, ["a.test"])
    driver.prove(order)
    certificate = driver.certificate(order)
    new = rolled(driver, account, keyEpoch=2)
    later = driver.next_run()
    later.remember(certificate)
    assert later.diff(Order(), order, **later.order_inputs(new, ["a.test"])) == {}
    moved = later.update(Certificate(), certificate, **later.certificate_inputs({**order, **access(new)}))
    assert moved["certificatePem"] == certificate["certificatePem"]
    assert moved["accountKeyPem"] == new["privateKeyPem"]
    again = later.order(new, ["a.test"], epoch=2)
    later.prove(again)
    assert later.certificate(again)["serial"] != certificate["serial"]


# Killed


def test_a_run_that_was_killed_after_the_cas_answer_left_the_key_for_the_next(driver: Driver) -> None:
    """C3."""
    account = driver.account()
    lost = rolled(driver, account, keyEpoch=2)
    assert not holds(driver, account)
    before = changes_asked(driver)
    later = driver.next_run()
    found = rolled(later, account, keyEpoch=2)
    assert found["privateKeyPem"] == lost["privateKeyPem"]
    assert holds(later, found)
    assert changes_asked(driver) == before


def test_until_the_state_has_the_key_everybody_in_the_stack_talks_with_it(driver: Driver) -> None:
    account = driver.account()
    order = driver.order(account, ["a.test"])
    rolled(driver, account, keyEpoch=2)
    later = driver.next_run()
    assert later.read(Account(), account) == account
    assert later.read(Order(), order) is not None
    assert later.order(account, ["b.test"])["orderUrl"]
    later.delete(Account(), account)
    assert account["accountUri"] not in later.broker.keys
    assert later.ear.warned == []
    assert driver.next_run().read(Account(), account) is None


def test_a_run_that_was_killed_before_the_ca_was_asked_goes_on_with_its_key(driver: Driver) -> None:
    account, noted = driver.account(), make_key("ec256")
    driver.run.account_notes.note_key(KeyNote(account["accountUri"], 2, noted, account["privateKeyPem"]))
    assert holds(driver, account)
    assert rolled(driver.next_run(), account, keyEpoch=2)["privateKeyPem"] == noted


def test_who_no_longer_wants_the_key_gets_the_one_that_the_ca_has(driver: Driver) -> None:
    account = driver.account()
    lost = rolled(driver, account, keyEpoch=2)
    later = driver.next_run()
    assert later.diff(Account(), account, **wish(account)) == {"privateKeyPem": Change.UPDATE}
    assert rolled(later, account)["privateKeyPem"] == lost["privateKeyPem"]


def test_a_key_that_never_came_to_the_ca_is_dropped_when_nobody_wants_it(driver: Driver) -> None:
    account = driver.account()
    driver.run.account_notes.note_key(
        KeyNote(account["accountUri"], 2, make_key("ec256"), account["privateKeyPem"])
    )
    later = driver.next_run()
    assert later.diff(Account(), account, **wish(account)) == {"privateKeyPem": Change.UPDATE}
    assert rolled(later, account)["privateKeyPem"] == account["privateKeyPem"]
    assert driver.next_run().diff(Account(), account, **wish(account)) == {}


def test_an_older_state_that_is_brought_back_finds_the_key_that_holds(driver: Driver) -> None:
    account = driver.account()
    second = rolled(driver, account, keyEpoch=2)
    third = rolled(driver.next_run(), second, keyEpoch=3)
    for older, epoch in ((account, 3), (second, 3), (account, 1)):
        again = rolled(driver.next_run(), older, keyEpoch=epoch)
        assert again["privateKeyPem"] == third["privateKeyPem"]
    fourth = rolled(driver.next_run(), account, keyEpoch=4)
    assert fourth["privateKeyPem"] != third["privateKeyPem"]
    assert holds(driver, fourth)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["done", "killed before", "killed after", "older"]),
        st.integers(1, 4),
        st.sampled_from(["ec256", "ec384"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happened_the_next_run_has_the_cas_key_and_the_type_that_is_wanted(
    driver: Driver, steps: list[tuple[str, int, str]]
) -> None:
    """C3: a run ends whole, before or after the CA's answer; or an older state is brought back."""
    note(str(steps))
    state = driver.account()
    uri, states = state["accountUri"], [state]
    for what, epoch, key_type in steps:
        run = driver.next_run()
        match what:
            case "done":
                state = rolled(run, state, keyEpoch=epoch, keyType=key_type)
                assert holds(run, state)
                states.append(state)
            case "killed before":
                present = rolled(run, state)  # what a run settles first
                run.run.account_notes.note_key(
                    KeyNote(uri, epoch, make_key(key_type), present["privateKeyPem"])
                )
                state = present
            case "killed after":
                rolled(run, state, keyEpoch=epoch, keyType=key_type)
            case "older":
                state = states[epoch % len(states)]
    last = driver.next_run()
    state = rolled(last, state, keyEpoch=5, keyType="ec384")
    assert holds(last, state)
    assert type_of(state["privateKeyPem"]) == "ec384"
    assert state["accountUri"] == uri
    assert driver.next_run().diff(Account(), state, **wish(state)) == {}


# The CA's answer


@pytest.fixture
def losing(driver: Driver) -> Iterator[Relay]:
    """A way to the CA that loses the answer to the first long request after a key was noted."""
    with relay(urllib.parse.urlsplit(driver.ca.directory_url).port or 0) as way:
        way.losing = lambda size: bool(driver.broker.keys) and size > 1000
        yield way


def test_an_answer_that_is_lost_is_asked_for_in_the_same_run(driver: Driver, losing: Relay) -> None:
    driver.ca = replace(driver.ca, directory_url=f"https://localhost:{losing.port}/dir")
    account = driver.account()
    new = rolled(driver, account, keyEpoch=2)
    assert losing.lost == 1
    assert holds(driver, new)


def test_a_key_that_another_account_has_is_dropped_and_that_account_named(driver: Driver) -> None:
    account, other = driver.account(), driver.account()
    driver.run.account_notes.note_key(
        KeyNote(account["accountUri"], 2, other["privateKeyPem"], account["privateKeyPem"])
    )
    with pytest.raises(StackError, match="has the new key already") as refused:
        rolled(driver.next_run(), account, keyEpoch=2)
    assert other["accountUri"] in str(refused.value)
    assert refused.value.hint == "run `tic stack up` again; it makes another key"
    assert holds(driver, account)
    assert holds(driver, rolled(driver.next_run(), account, keyEpoch=2))


def test_a_conflict_is_told_with_the_account_that_the_ca_names(driver: Driver) -> None:
    """RFC 8555 7.3.5: 409, the other account in `Location`, and no problem document."""
    with scripted_ca() as ca:
        account = driver.create(Account(), **ca.access)
        ca.says["keyChange"] = [Said(409, None, {"Location": "{ca}/account/2"})]
        ca.says["newAccount"] = [Said(400, {"type": f"{PROBLEM}accountDoesNotExist", "detail": "none"})]
        with pytest.raises(StackError, match=r"another account .*/account/2. has the new key already"):
            rolled(driver, account, keyEpoch=2)
        assert driver.broker.keys[account["accountUri"]].key_pem == account["privateKeyPem"]


def test_a_refusal_is_told_in_the_cas_words_and_leaves_the_key_as_it_is(driver: Driver) -> None:
    with scripted_ca() as ca:
        account = driver.create(Account(), **ca.access)
        ca.says["keyChange"] = [Said(400, {"type": f"{PROBLEM}badPublicKey", "detail": "too small"})]
        ca.says["newAccount"] = [Said(400, {"type": f"{PROBLEM}accountDoesNotExist", "detail": "none"})]
        with pytest.raises(
            AuthorityError, match=r"could not change the account's key: .*badPublicKey: too small"
        ):
            rolled(driver, account, keyEpoch=2)
        assert driver.next_run().diff(Account(), account, **wish(account)) == {"privateKeyPem": Change.UPDATE}


def test_a_ca_that_says_yes_and_does_nothing_is_found_out(driver: Driver) -> None:
    with scripted_ca() as ca:
        account = driver.create(Account(), **ca.access)
        ca.says["newAccount"] = [Said(400, {"type": f"{PROBLEM}accountDoesNotExist", "detail": "none"})]
        with pytest.raises(StackError, match="the CA did not take the new key"):
            rolled(driver, account, keyEpoch=2)


def test_a_key_that_can_not_be_noted_is_not_offered_to_the_ca(driver: Driver) -> None:
    account, before = driver.account(), changes_asked(driver)
    driver.broker.refusals["/account/key/note"] = Refusal(502, "the disk is full", "make room")
    with pytest.raises(BrokerError, match="disk is full"):
        rolled(driver, account, keyEpoch=2)
    assert changes_asked(driver) == before


def test_a_ca_that_changes_no_keys_is_told_of(driver: Driver) -> None:
    account = driver.account()
    who = Access(
        account["directoryUrl"], account["caCertificates"], account["privateKeyPem"], account["accountUri"]
    )
    with driver.run.authorities.talk(who) as talk:
        assert isinstance(talk.directory, dict)
        del talk.directory["keyChange"]
    with pytest.raises(StackError, match="its directory has no keyChange") as refused:
        rolled(driver, account, keyEpoch=2)
    assert "keyEpoch" in refused.value.hint


@pytest.mark.parametrize("part", ["account", "oldKey", "signature", "url"])
def test_the_ca_checks_what_both_keys_sign(driver: Driver, part: str) -> None:
    """So what the tests above sent was right in each of these."""
    account, other = driver.account(), driver.account()
    mine = Access(
        account["directoryUrl"], account["caCertificates"], account["privateKeyPem"], account["accountUri"]
    )
    with driver.run.authorities.talk(mine) as talk:
        url, key = talk.directory["keyChange"], make_key("ec256")
        content = signed_by_both(talk, key)
        if part == "signature":
            content["signature"] = signed_by_both(talk, key[:-1])["signature"][::-1]
        elif part == "url":
            url = url.replace("https://localhost", "https://localhost.")
        else:
            changed = {
                "account": {"account_uri": other["accountUri"]},
                "oldKey": {"account_key_pem": other["privateKeyPem"]},
            }
            talk.access = replace(mine, **changed[part])
            content = signed_by_both(talk, key)
            talk.access = mine
        with pytest.raises(AuthorityError) as refused:
            talk.post(url, content, "change the account's key")
    assert refused.value.code in {"malformed", "unauthorized"} or part == "url"
    assert holds(driver, account)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["ec256", "ec384"]), st.sampled_from(["ec256", "ec384"]))
def test_the_inner_signature_is_the_new_keys_over_account_and_old_key(
    driver: Driver, old_type: str, new_type: str
) -> None:
    """RFC 8555 7.3.5: `jwk` of the new key, the same `url`, no `nonce`, no `kid`."""
    from acme.jws import JWS

    old, new = make_key(old_type), make_key(new_type)
    who = Access(driver.ca.directory_url, driver.ca.ca_file.read_text(), old, "https://ca.test/acct/1")
    with Authorities().talk(who) as talk:
        content = signed_by_both(talk, new)
        url = talk.directory["keyChange"]
    inner = JWS.from_json(content)
    assert inner.verify(signer(new)[0].public_key())
    header = json.loads(inner.signature.protected)
    assert header.keys() == {"alg", "jwk", "url"}
    assert header["url"] == url
    assert JWK.from_json(header["jwk"]) == signer(new)[0].public_key()
    said = json.loads(inner.payload)
    assert said.keys() == {"account", "oldKey"}
    assert JWK.from_json(said["oldKey"]) == signer(old)[0].public_key()
