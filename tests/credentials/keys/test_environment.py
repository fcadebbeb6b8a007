"""TIC_KEY: read from the environment, and withheld from every child."""

import pytest

from credentials.keys import KeyUnusable, as_text, environment, new_key


def text() -> str:
    return as_text(new_key()).reveal().decode()


def test_the_key_of_the_environment_serves_a_new_vault() -> None:
    environ = {"TIC_KEY": text()}
    made = environment.establish(environ=environ)
    assert as_text(made.key).reveal().decode() == environ["TIC_KEY"]
    assert environment.unlock(made.params, environ) == made.key


def test_without_it_the_hint_makes_one() -> None:
    with pytest.raises(KeyUnusable, match="TIC_KEY is not set") as refused:
        environment.establish(environ={"TIC_KEY": ""})
    assert refused.value.hint.endswith('export TIC_KEY="$(tic vault new-key)"')
    with pytest.raises(KeyUnusable, match="comes from TIC_KEY, which is not set"):
        environment.unlock({"id": "0" * 16}, {})


def test_a_next_key_is_asked_for_by_its_own_name_and_either_opens() -> None:
    before = environment.establish(environ={"TIC_KEY": text()})
    environ = {"TIC_KEY": as_text(before.key).reveal().decode(), "TIC_NEW_KEY": text()}
    after = environment.establish(replacing=True, environ=environ)
    assert environment.unlock(before.params, environ) == before.key
    assert environment.unlock(after.params, environ) == after.key
    with pytest.raises(KeyUnusable, match="TIC_NEW_KEY is not set"):
        environment.establish(replacing=True, environ={"TIC_KEY": text()})


def test_another_key_is_named_as_that() -> None:
    made = environment.establish(environ={"TIC_KEY": text()})
    with pytest.raises(KeyUnusable, match="not the one that this vault was made with"):
        environment.unlock(made.params, {"TIC_KEY": text()})


@pytest.mark.parametrize(
    "value", ["canary-not-a-key", "tic-vault-key-1:canary", "\udcff", "tic-vault-key-1:" * 9], ids=ascii
)
def test_something_else_than_a_key_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(KeyUnusable, match="TIC_KEY holds no vault key") as refused:
        environment.establish(environ={"TIC_KEY": value})
    assert "canary" not in str(refused.value) + refused.value.hint
