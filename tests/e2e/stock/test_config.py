"""Configuration through the stock CLI: sealed by the vault, copied between stacks, read back from history."""

import json

import pytest

from tests.e2e.stock.stock import Stock

pytestmark = pytest.mark.server
CANARY = "canary-of-the-configuration"


def test_a_secret_is_a_ciphertext_in_the_file_and_plain_where_it_is_asked_for(shop: Stock) -> None:  # C2
    shop("config", "set", "plain", "text")
    shop("config", "set", "--secret", "password", stdin=CANARY)
    shop("config", "set", "--path", "shape.list[0]", "1")
    shop("config", "set", "--path", "--secret", "shape.inner", CANARY)
    assert CANARY not in (shop.folder / "Pulumi.dev.yaml").read_text()
    assert CANARY not in shop("config").text
    shown = {key.partition(":")[2]: value for key, value in shop.json("config", "--show-secrets").items()}
    assert (shown["plain"]["value"], shown["password"]["value"]) == ("text", CANARY)
    assert shown["shape"]["objectValue"] == {"list": [1], "inner": CANARY}
    assert json.loads(shop("config", "get", "shape").out) == {"list": [1], "inner": CANARY}


def test_configuration_is_copied_sealed_anew_and_comes_back_from_the_last_update(shop: Stock) -> None:
    shop("config", "set-all", "--plaintext", "plain=text", "--secret", f"password={CANARY}")
    shop("stack", "init", "other", "--copy-config-from", "dev")
    shop("stack", "init", "third", "--no-select")
    shop("config", "cp", "--stack", "other", "--dest", "third")
    sealed = [(shop.folder / f"Pulumi.{name}.yaml").read_text() for name in ("dev", "other", "third")]
    assert len({text.partition("secure:")[2] for text in sealed}) == 3
    assert shop("config", "get", "password", "--stack", "third").out.strip() == CANARY

    assert "no previous deployment" in shop("config", "refresh", "--stack", "third", code=1).err
    shop("up", "--yes", "--skip-preview", "--stack", "third")
    exported = shop("stack", "export", "--stack", "third").out
    shop("stack", "import", "--stack", "third", stdin=exported)
    shop("config", "rm-all", "plain", "password", "--stack", "third")
    shop("config", "refresh", "--force", "--stack", "third")
    assert shop("config", "get", "password", "--stack", "third").out.strip() == CANARY
    history = shop.json("stack", "history", "--stack", "third")
    assert CANARY not in json.dumps(history)
    assert [update["kind"] for update in history] == ["import", "update"]
    opened = shop.json("stack", "history", "--stack", "third", "--show-secrets")
    assert opened[0]["config"][f"{shop.project}:password"]["value"] == CANARY


def test_a_state_goes_to_a_passphrase_and_back_and_tic_says_whose_secrets_they_are(shop: Stock) -> None:
    phrase = {"PULUMI_CONFIG_PASSPHRASE": ""}  # what the CLI asks for on stdin is empty too
    shop("config", "set", "--secret", "password", CANARY)
    shop.up(outputs={"password": {"fn::secret": CANARY}})
    changed = shop("stack", "change-secrets-provider", "passphrase", variables=phrase)
    assert "sealed by passphrase, not by tic's vault" in changed.err
    assert "pulumi stack change-secrets-provider default" in changed.err
    assert shop("stack", "output", "password", "--show-secrets", variables=phrase).out.strip() == CANARY
    assert "passphrase must be set" in shop("stack", "output", "--show-secrets", code=1).err
    back = shop("stack", "change-secrets-provider", "default", variables=phrase)
    assert "warning" not in back.err
    assert shop("stack", "output", "password", "--show-secrets").out.strip() == CANARY
    assert shop("config", "get", "password").out.strip() == CANARY
