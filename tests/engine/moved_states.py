"""States as other backends have them: a stack of two things, sealed and shown in every way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from credentials.vault import Vault
from engine.bindings import Usage
from engine.database import Database
from engine.installation import Installation
from engine.state.passphrase import Passphrase
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE
from tests.engine.vaults import fresh

PHRASE = "sesame, open"
CANARY = "canary-4b7e-in-a-state"
STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
PROVIDER = "urn:pulumi:dev::shop::pulumi:providers:tencentcloud::default"
KEY = Passphrase.new(PHRASE)


def installation(root: Path) -> Installation:
    """A home with an empty vault."""
    home = fresh(root / "home")
    database = Database.open(home)
    Vault.create(database, home.root, usage=Usage(), actor="me@here")
    database.close()
    return Installation(home)


def sealed(value: Any) -> dict[str, str]:
    """A secret under the passphrase."""
    return {SIGNATURE: SECRET, "ciphertext": KEY.seal(json.dumps(value).encode())}


def shown(value: Any) -> dict[str, str]:
    """A secret in plaintext, as `--show-secrets` writes it."""
    return {SIGNATURE: SECRET, "plaintext": json.dumps(value)}


def state(secret: Callable[[Any], dict[str, str]] = sealed, **more: Any) -> dict[str, Any]:
    """A stack `shop/dev` as it is exported; `more` goes into its deployment."""
    thing = "urn:pulumi:dev::shop::tencentcloud:m:Thing::a"
    return {
        "version": 3,
        "deployment": {
            "manifest": {"time": "2026-01-01T00:00:00Z", "magic": "m", "version": "v3.259.0"},
            "secrets_providers": {"type": "passphrase", "state": {"salt": KEY.state}},
            "resources": [
                {
                    "urn": STACK,
                    "custom": False,
                    "type": "pulumi:pulumi:Stack",
                    "outputs": {"password": secret(CANARY)},
                },
                {"urn": PROVIDER, "custom": True, "id": "p", "type": "pulumi:providers:tencentcloud"},
                {
                    "urn": thing,
                    "custom": True,
                    "id": "a",
                    "type": "tencentcloud:m:Thing",
                    "parent": STACK,
                    "provider": f"{PROVIDER}::p",
                    "inputs": {"password": secret({"deep": [CANARY]}), "plain": 1},
                    "outputs": {"password": secret({"deep": [CANARY]}), "plain": 1},
                },
            ],
            "metadata": {},
            **more,
        },
    }


def written(value: Any) -> bytes:
    """As it lies in a file."""
    return json.dumps(value).encode()
