"""The children of an issued certificate: its account, its order, and for each name a record and its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from stacks import resources
from stacks.broker import ProviderAnswer
from stacks.provider.acme.challenge import record_name
from stacks.provider.acme.identifiers import identifier
from stacks.provider.acme.key_choice import CSR_PEM
from stacks.provider.acme.key_choice import PROPERTIES as OF_KEY
from stacks.provider.component import account_key
from stacks.provider.component.fallbacks import OF_ACCOUNT, SHARED_ACCOUNT, WHO, account_name
from stacks.provider.component.native import Spot, register
from stacks.provider.run import Run
from stacks.typed import python_name


@dataclass(frozen=True, slots=True)
class Composition:
    """One certificate's children below `component`; `given` are its inputs as outputs.

    `wanted` is the directory URL of its CA (None: not known yet), `fallbacks` are the inputs of other CAs as
    outputs, by directory URL; `source` is that of the CA that this run orders from.
    """

    run: Run
    name: str
    component: pulumi.ComponentResource
    given: Mapping[str, Any]
    wanted: str | None
    fallbacks: Mapping[str, Mapping[str, Any]]
    source: str

    def access(self) -> dict[str, Any]:
        """The account that everything is done with, as arguments: the one given, or one of its own.

        The accounts at other CAs are there whether they are needed or not: what is wrong with one shows now.
        """
        found = self._access(self.name, self.given)
        for url, given in self.fallbacks.items():
            other = self._access(account_name(self.name, url), {**self._inherited(), **given})
            found = other if url == self.source else found
        return found

    def _access(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        roots = given.get("caCertificates")
        if SHARED_ACCOUNT[0] in given:
            uri, key = (given[each] for each in SHARED_ACCOUNT)
            url = given["directoryUrl"]
        else:
            own = {python_name(each): given[each] for each in OF_ACCOUNT if each in given}
            account = resources.Account(name, **own, **account_key.arguments(self.given), opts=self._ours())
            url, uri, key = account.directory_url, account.account_uri, account.private_key_pem
        return {
            "directory_url": url,
            "account_uri": uri,
            "account_key_pem": key,
            "ca_certificates": roots,
        }

    def _inherited(self) -> dict[str, Any]:
        """Who the user is, to every CA."""
        return {each: self.given[each] for each in WHO if each in self.given}

    def _directories(self) -> list[str] | None:
        """None where there is one CA, or a preview does not know which."""
        return [self.wanted, *self.fallbacks] if self.fallbacks and self.wanted is not None else None

    def _terms(self) -> Mapping[str, Any]:
        """The inputs that go with the CA: profiles and chains are each CA's own."""
        return self.fallbacks.get(self.source, self.given)

    def order(self, access: Mapping[str, Any], names: Sequence[str], epoch: int) -> resources.Order:
        """What is ordered."""
        return resources.Order(
            self.name,
            **access,
            domains=list(names),
            **self._key(),
            profile=self._terms().get("profile"),
            epoch=epoch,
            opts=self._ours(),
        )

    def proofs(
        self,
        access: Mapping[str, Any],
        order: resources.Order,
        names: Sequence[str],
        provider: ProviderAnswer | None,
        spots: Mapping[str, Spot] | None,
    ) -> list[resources.Authorization]:
        """A record and its authorization for each name, in turn where the provider wants it.

        `provider` None is not known yet. With `spots` the records are the plugin's of that provider, at
        those of the names that still have to be proven.
        """
        made: list[resources.Authorization] = []
        for domain in names:
            proof = order.authorizations.apply(partial(_of, domain=domain))
            link = None if spots is not None else _link(provider, self.component, domain)
            before: list[pulumi.Resource] = [self.run.chains[link]] if link in self.run.chains else []
            if spots is not None and provider is not None and domain in spots:
                value = proof["record_value"]
                before.append(
                    register(provider.provider, self._of(domain), spots[domain], value, self._ours())
                )
            record = resources.ChallengeRecord(
                self._of(domain),
                identifier=identifier(domain),
                token=proof["token"],
                key_authorization=proof["key_authorization"],
                authorization_status=proof["status"],
                provider=self.given.get("provider"),
                nameservers=self.given.get("nameservers"),
                timeout_seconds=self.given["timeoutSeconds"],
                timing=self.given.get("timing"),
                native=True if spots is not None else None,
                opts=self._ours(*before),
            )
            authorization = resources.Authorization(
                self._of(domain),
                **access,
                identifier=identifier(domain),
                url=proof["url"],
                challenge_url=proof["challenge_url"],
                publication=record.publication,
                opts=self._ours(record),
            )
            if link is not None:
                self.run.chains[link] = authorization
            made.append(authorization)
        return made

    def certificate(
        self,
        access: Mapping[str, Any],
        order: resources.Order,
        proofs: Sequence[resources.Authorization],
    ) -> resources.Certificate:
        """What comes out of the order once every name is proven."""
        return resources.Certificate(
            self.name,
            **access,
            order_url=order.order_url,
            csr_pem=order.csr_pem,
            private_key_pem=order.private_key_pem if CSR_PEM.name not in self.given else None,
            domains=order.domains,
            epoch=order.epoch,
            preferred_chain=self._terms().get("preferredChain"),
            directories=self._directories(),
            opts=self._ours(*proofs),
        )

    def _key(self) -> dict[str, Any]:
        """What its key and request come from, as arguments."""
        return {python_name(each.name): self.given.get(each.name) for each in OF_KEY}

    def _of(self, domain: str) -> str:
        return f"{self.name}/{domain}"

    def _ours(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self.component, depends_on=list(after))


def _link(
    provider: ProviderAnswer | None, component: pulumi.ComponentResource, domain: str
) -> tuple[str, str] | None:
    """Which chain a challenge belongs to; None: it waits for nobody.

    Chains go through all certificates of the stack. A provider that a preview does not know yet may hold one
    challenge at a time.
    """
    if provider is None:
        return component._name, ""
    if provider.sequential:
        return provider.credential, ""
    return (provider.credential, record_name(identifier(domain))) if provider.by_name else None


def _of(proofs: Sequence[Mapping[str, Any]], domain: str) -> dict[str, Any]:
    """The order's authorization for one of its names, with None for what a valid one does not have."""
    found = next(each for each in proofs if each["domain"] == domain)
    return {"token": None, "key_authorization": None, "challenge_url": None, "record_value": None, **found}
