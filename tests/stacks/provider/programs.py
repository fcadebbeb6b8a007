"""The programs of the engine tests, each in a process of its own; the settings are JSON in `SITE`."""

import json
import os
import urllib.request
from collections.abc import Callable
from typing import Any

import pulumi

from stacks import deployments, resources

Settings = dict[str, Any]


def issue(settings: Settings) -> None:
    """The component, and its certificate in a folder if there is a `path`."""
    certificate = resources.IssuedCertificate("site", **{**settings["ca"], **settings["inputs"]})
    if settings.get("path"):
        deployments.Directory(
            "files",
            path=settings["path"],
            certificate_pem=certificate.certificate_pem,
            chain_pem=certificate.chain_pem,
            private_key_pem=certificate.private_key_pem,
            command=settings.get("command"),
        )
    if settings.get("vault"):
        deployments.AzureKeyVault(
            "vault",
            vault_url="https://shop.vault.azure.net",
            certificate_name="site",
            certificate_pem=certificate.certificate_pem,
            chain_pem=certificate.chain_pem,
            private_key_pem=certificate.private_key_pem,
        )
    for each in ("serial", "epoch", "domains", "private_key_pem", "certificate_pem", "chain_pem"):
        pulumi.export(each, getattr(certificate, each))


def two(settings: Settings) -> None:
    """Two components side by side."""
    for name in ("one", "two"):
        made = resources.IssuedCertificate(name, domains=[f"{name}.test"], **settings["ca"])
        pulumi.export(name, made.domains)


def told(settings: Settings) -> None:
    """Names that only another resource knows."""
    first = resources.Account("first", **settings["ca"])
    domains = first.account_uri.apply(lambda uri: [f"{uri.rpartition('/')[2]}.test"])
    pulumi.export("domains", resources.IssuedCertificate("site", domains=domains, **settings["ca"]).domains)


def parts(settings: Settings) -> None:
    """Without the component, and with a record that something else publishes."""
    account = resources.Account("ca", **settings["ca"])
    access: dict[str, Any] = {
        "directory_url": account.directory_url,
        "account_uri": account.account_uri,
        "account_key_pem": account.private_key_pem,
        "ca_certificates": account.ca_certificates,
    }
    order = resources.Order("site", domains=["native.test"], epoch=resources.get_epoch("site"), **access)
    proof = order.authorizations[0]

    def publish(shown: list[str]) -> str:
        name, value, identifier = shown
        body = json.dumps({"host": f"{name}.", "value": value}).encode()
        with urllib.request.urlopen(settings["records"] + "/set-txt", data=body):  # noqa: S310  (loopback)
            return identifier

    shown = pulumi.Output.all(proof["record_name"], proof["record_value"], proof["identifier"])
    proven = resources.Authorization(
        "native.test",
        identifier=shown.apply(publish),
        url=proof["url"],
        challenge_url=proof["challenge_url"],
        **access,
    )
    made = resources.Certificate(
        "site",
        order_url=order.order_url,
        csr_pem=order.csr_pem,
        private_key_pem=order.private_key_pem,
        domains=order.domains,
        epoch=order.epoch,
        opts=pulumi.ResourceOptions(depends_on=[proven]),
        **access,
    )
    pulumi.export("epoch", made.epoch)


def shared(settings: Settings) -> None:
    """Two components that share an account, beside another account at the same CA."""
    account = resources.Account("ca", **settings["ca"], **settings["account"])
    resources.Account("spare", **settings["ca"])
    access: Settings = {"account_uri": account.account_uri, "account_key_pem": account.private_key_pem}
    for name in ("one", "two"):
        made = resources.IssuedCertificate(name, domains=[f"{name}.test"], **settings["ca"], **access)
        pulumi.export(name, made.serial)
    pulumi.export("uri", account.account_uri)
    pulumi.export("key", account.private_key_pem)
    pulumi.export("agreed", account.terms_agreed_at)


if __name__ == "__main__":
    given: Settings = json.loads(os.environ["SITE"])
    chosen: dict[str, Callable[[Settings], None]] = {
        "issue": issue,
        "two": two,
        "told": told,
        "parts": parts,
        "shared": shared,
    }
    chosen[given["program"]](given)
