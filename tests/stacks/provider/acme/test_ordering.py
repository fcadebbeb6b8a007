"""Orders are placed at a CA: as the replacement of the certificate before, or as new ones (E1, RFC 9773)."""

from collections.abc import Mapping
from typing import Any

import pytest

from stacks.errors import StackError
from stacks.provider.acme.authority import Access
from stacks.provider.acme.certificates import renewal_id
from stacks.provider.acme.order import Order
from stacks.provider.acme.ordering import Wanted, in_order, place
from stacks.provider.acme.problems import AuthorityError
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.driver import Driver, State


def renewed(driver: Driver, order: State, **changes: Any) -> State:
    """The order of the next epoch, in its place."""
    inputs = Order().given(order)
    return driver.update(Order(), order, **{**inputs, "epoch": order["epoch"] + 1, **changes})


@pytest.mark.server
def test_a_renewal_tells_the_ca_which_certificate_it_replaces(driver: Driver) -> None:
    order, certificate = driver.issued("a.test", "b.test")
    assert order.get("replaces") is None
    driver.remember(certificate)
    before = len(driver.ca.log)
    following = renewed(driver, order, domains=["b.test", "c.test"])
    assert following["replaces"] == renewal_id(certificate["certificatePem"])
    assert "is a replacement of" in driver.ca.log[before:]
    driver.prove(following)
    assert driver.certificate(following)["serial"] != certificate["serial"]


@pytest.mark.server
def test_a_renewal_that_died_is_begun_again_as_the_same_replacement(driver: Driver) -> None:
    """C3."""
    order, certificate = driver.issued("a.test")
    driver.remember(certificate)
    dead = renewed(driver, order)
    driver.broker.silent = True
    with pytest.raises(StackError, match="did not accept"):
        driver.prove(dead)
    driver.broker.silent = False
    type_ = Order()
    inputs = type_.given(dead)
    assert set(driver.diff(type_, dead, **inputs)) == {"orderUrl"}
    again = driver.update(type_, dead, **inputs)
    assert again["replaces"] == dead["replaces"] == renewal_id(certificate["certificatePem"])


@pytest.mark.server
def test_one_that_is_replaced_already_is_renewed_as_a_new_certificate(driver: Driver) -> None:
    """RFC 9773 5: 409, alreadyReplaced. As of a run whose state was lost."""
    order, certificate = driver.issued("a.test")
    driver.remember(certificate)
    first = renewed(driver, order)
    driver.prove(first)
    driver.certificate(first)
    second = renewed(driver, order)
    assert second.get("replaces") is None
    assert any("does not take it as the replacement" in each for each in driver.ear.said)
    driver.prove(second)
    assert driver.certificate(second)["serial"] != certificate["serial"]


@pytest.mark.server
def test_a_certificate_that_the_ca_does_not_know_is_no_obstacle(driver: Driver) -> None:
    """Pebble calls it an error of its own (500)."""
    order, certificate = driver.issued("a.test")
    driver.remember({**certificate, "certificatePem": chain("a.test").certificate})
    following = renewed(driver, order)
    assert following.get("replaces") is None
    assert following["orderUrl"] != order["orderUrl"]


@pytest.mark.server
def test_a_certificate_of_another_account_is_no_obstacle(driver: Driver) -> None:
    _, others = driver.issued("a.test")
    order, _ = driver.issued("a.test")
    driver.remember({**others, "orderUrl": order["orderUrl"]})
    assert renewed(driver, order).get("replaces") is None


class Refusing:
    """A CA that refuses every order with a problem, and counts."""

    access = Access("https://ca.test/dir", None)
    directory: Mapping[str, Any] = {"newOrder": "https://ca.test/new-order"}

    def __init__(self, code: str, status: int) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self._problem = AuthorityError("no", hint="none", code=code, status=status)

    def post(self, url: str, payload: Mapping[str, Any], doing: str) -> Any:
        self.asked.append(payload)
        raise self._problem


@pytest.mark.parametrize(
    ("code", "status", "times"),
    [
        ("rateLimited", 429, 1),
        ("rejectedIdentifier", 400, 1),
        ("userActionRequired", 403, 1),
        ("accountDoesNotExist", 400, 1),
        ("alreadyReplaced", 409, 2),
        ("unauthorized", 403, 2),
        ("malformed", 400, 2),
        ("", 404, 2),
    ],
)
def test_what_has_nothing_to_do_with_the_replacement_is_not_asked_again(
    driver: Driver, code: str, status: int, times: int
) -> None:
    """And what may have to is asked once more, without it; then the CA's own reason is told."""
    ca = Refusing(code, status)
    with pytest.raises(AuthorityError):
        place(driver.operation(), ca, Wanted(["a.test"], replaces="key.serial"))  # type: ignore[arg-type]
    assert [each.get("replaces") for each in ca.asked] == ["key.serial", None][:times]


def test_an_authorization_that_is_missing_is_told() -> None:
    with pytest.raises(StackError, match=r"no authorization for b\.test"):
        in_order([{"domain": "a.test"}], ["a.test", "b.test"])
