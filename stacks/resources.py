"""The resources of the `tic` package as typed Python classes, for the programs that tic runs.

Importing this needs Pulumi's SDK only: the work is done by the plugin. Inputs are keyword arguments
(None: the default of the schema), each a value or another resource's output; inputs and outputs are
attributes. `IssuedCertificate` is what most programs want; the other classes are its parts. The schema
(`pulumi package get-schema pulumi-resource-tic`) describes every property.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from stacks.typed import Custom, Named, annotated


class Account(Custom):
    """An account at a CA (RFC 8555 7.3); `directory_url` is a URL or a name, as `letsencrypt`. One higher
    `key_epoch`, or another `key_type`, gives it another key.
    """

    directory_url: Output[str]
    email: Output[str | None]
    contacts: Output[Sequence[str] | None]
    terms_of_service_agreed: Output[bool]
    ca_certificates: Output[str | None]
    eab_credential: Output[str | None]
    key_type: Output[str]
    key_epoch: Output[int]
    account_uri: Output[str]
    private_key_pem: Output[str]
    terms_of_service: Output[str | None]
    terms_agreed_at: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        directory_url: Input[str],
        email: Input[str | None] = None,
        contacts: Input[Sequence[Input[str]] | None] = None,
        terms_of_service_agreed: Input[bool | None] = None,
        ca_certificates: Input[str | None] = None,
        eab_credential: Input[str | None] = None,
        key_type: Input[str | None] = None,
        key_epoch: Input[int | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "directory_url": directory_url,
            "email": email,
            "contacts": contacts,
            "terms_of_service_agreed": terms_of_service_agreed,
            "ca_certificates": ca_certificates,
            "eab_credential": eab_credential,
            "key_type": key_type,
            "key_epoch": key_epoch,
        }
        super().__init__("tic:acme/account:Account", name, inputs, opts)


class Order(Custom):
    """An order for a certificate (RFC 8555 7.4), with its key and CSR. `authorizations` are in the order
    of `domains`. With a `csr_pem` of your own there is no `private_key_pem`.

    Each authorization is a mapping: domain, identifier, wildcard, url, status, and unless it is valid
    already token, challenge_url, key_authorization, record_name, record_value.
    """

    directory_url: Output[str]
    account_uri: Output[str]
    account_key_pem: Output[str]
    ca_certificates: Output[str | None]
    domains: Output[Sequence[str]]
    key_type: Output[str]
    keep_key: Output[bool]
    must_staple: Output[bool]
    profile: Output[str | None]
    epoch: Output[int]
    order_url: Output[str]
    expires: Output[str | None]
    authorizations: Output[Sequence[Mapping[str, Any]]]
    private_key_pem: Output[str]
    csr_pem: Output[str]
    replaces: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        directory_url: Input[str],
        account_uri: Input[str],
        account_key_pem: Input[str],
        domains: Input[Sequence[Input[str]]],
        ca_certificates: Input[str | None] = None,
        key_type: Input[str | None] = None,
        keep_key: Input[bool | None] = None,
        must_staple: Input[bool | None] = None,
        csr_pem: Input[str | None] = None,
        profile: Input[str | None] = None,
        epoch: Input[int | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "directory_url": directory_url,
            "account_uri": account_uri,
            "account_key_pem": account_key_pem,
            "ca_certificates": ca_certificates,
            "domains": domains,
            "key_type": key_type,
            "keep_key": keep_key,
            "must_staple": must_staple,
            "csr_pem": csr_pem,
            "profile": profile,
            "epoch": epoch,
        }
        super().__init__("tic:acme/order:Order", name, inputs, opts)


class ChallengeRecord(Custom):
    """The TXT record of one authorization, published and verified; its `Authorization` withdraws it."""

    identifier: Output[str]
    token: Output[str | None]
    key_authorization: Output[str | None]
    authorization_status: Output[str | None]
    provider: Output[str | None]
    nameservers: Output[Sequence[str] | None]
    timeout_seconds: Output[float]
    timing: Output[Mapping[str, float] | None]
    native: Output[bool | None]
    record_name: Output[str | None]
    record_value: Output[str | None]
    zone: Output[str | None]
    credential: Output[str | None]
    publication: Output[Mapping[str, Any] | None]

    def __init__(
        self,
        name: str,
        *,
        identifier: Input[str],
        token: Input[str | None] = None,
        key_authorization: Input[str | None] = None,
        authorization_status: Input[str | None] = None,
        provider: Input[str | None] = None,
        nameservers: Input[Sequence[Input[str]] | None] = None,
        timeout_seconds: Input[float | None] = None,
        timing: Input[Mapping[str, Input[float]] | None] = None,
        native: Input[bool | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "identifier": identifier,
            "token": token,
            "key_authorization": key_authorization,
            "authorization_status": authorization_status,
            "provider": provider,
            "nameservers": nameservers,
            "timeout_seconds": timeout_seconds,
            "timing": timing,
            "native": native,
        }
        super().__init__("tic:dns/challengeRecord:ChallengeRecord", name, inputs, opts)


class Authorization(Custom):
    """One name proven to the CA. Without a `publication`, another resource holds the record: depend on it."""

    directory_url: Output[str]
    account_uri: Output[str]
    account_key_pem: Output[str]
    ca_certificates: Output[str | None]
    identifier: Output[str]
    url: Output[str]
    challenge_url: Output[str | None]
    publication: Output[Mapping[str, Any] | None]
    status: Output[str]
    expires: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        directory_url: Input[str],
        account_uri: Input[str],
        account_key_pem: Input[str],
        identifier: Input[str],
        url: Input[str],
        challenge_url: Input[str | None] = None,
        publication: Input[Mapping[str, Any] | None] = None,
        ca_certificates: Input[str | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "directory_url": directory_url,
            "account_uri": account_uri,
            "account_key_pem": account_key_pem,
            "ca_certificates": ca_certificates,
            "identifier": identifier,
            "url": url,
            "challenge_url": challenge_url,
            "publication": publication,
        }
        super().__init__("tic:acme/authorization:Authorization", name, inputs, opts)


class Certificate(Custom):
    """The certificate of an order whose authorizations are valid (depend on them), updated in place."""

    directory_url: Output[str]
    account_uri: Output[str]
    account_key_pem: Output[str]
    ca_certificates: Output[str | None]
    order_url: Output[str]
    csr_pem: Output[str]
    private_key_pem: Output[str]
    domains: Output[Sequence[str]]
    epoch: Output[int]
    preferred_chain: Output[str | None]
    directories: Output[Sequence[str] | None]
    certificate_pem: Output[str]
    chain_pem: Output[str]
    fullchain_pem: Output[str]
    serial: Output[str]
    issuer: Output[str]
    not_before: Output[str]
    not_after: Output[str]
    renewal_info_url: Output[str | None]
    renewal_window: Output[Mapping[str, str] | None]
    renewal_check_after: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        directory_url: Input[str],
        account_uri: Input[str],
        account_key_pem: Input[str],
        order_url: Input[str],
        csr_pem: Input[str],
        domains: Input[Sequence[Input[str]]],
        private_key_pem: Input[str | None] = None,
        epoch: Input[int | None] = None,
        preferred_chain: Input[str | None] = None,
        directories: Input[Sequence[Input[str]] | None] = None,
        ca_certificates: Input[str | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "directory_url": directory_url,
            "account_uri": account_uri,
            "account_key_pem": account_key_pem,
            "ca_certificates": ca_certificates,
            "order_url": order_url,
            "csr_pem": csr_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "epoch": epoch,
            "preferred_chain": preferred_chain,
            "directories": directories,
        }
        super().__init__("tic:acme/certificate:Certificate", name, inputs, opts)


class IssuedCertificate(Named, pulumi.ComponentResource):
    """A certificate and all that it takes: account, order, records, authorizations. It renews itself.

    With a `csr_pem` of your own there is no `private_key_pem`.
    """

    certificate_pem: Output[str]
    chain_pem: Output[str]
    fullchain_pem: Output[str]
    private_key_pem: Output[str]
    serial: Output[str]
    issuer: Output[str]
    not_before: Output[str]
    not_after: Output[str]
    domains: Output[Sequence[str]]
    epoch: Output[int]
    account_uri: Output[str]
    account_key_pem: Output[str]

    def __init__(
        self,
        name: str,
        *,
        directory_url: Input[str],
        domains: Input[Sequence[Input[str]]],
        email: Input[str | None] = None,
        contacts: Input[Sequence[Input[str]] | None] = None,
        terms_of_service_agreed: Input[bool | None] = None,
        ca_certificates: Input[str | None] = None,
        eab_credential: Input[str | None] = None,
        key_type: Input[str | None] = None,
        keep_key: Input[bool | None] = None,
        must_staple: Input[bool | None] = None,
        csr_pem: Input[str | None] = None,
        profile: Input[str | None] = None,
        preferred_chain: Input[str | None] = None,
        provider: Input[str | None] = None,
        nameservers: Input[Sequence[Input[str]] | None] = None,
        timeout_seconds: Input[float | None] = None,
        timing: Input[Mapping[str, Input[float]] | None] = None,
        native_records: Input[bool | None] = None,
        account_uri: Input[str | None] = None,
        account_key_pem: Input[str | None] = None,
        account_key_type: Input[str | None] = None,
        account_key_epoch: Input[int | None] = None,
        fallbacks: Input[Sequence[Input[Mapping[str, Any]]] | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "directory_url": directory_url,
            "domains": domains,
            "email": email,
            "contacts": contacts,
            "terms_of_service_agreed": terms_of_service_agreed,
            "ca_certificates": ca_certificates,
            "eab_credential": eab_credential,
            "key_type": key_type,
            "keep_key": keep_key,
            "must_staple": must_staple,
            "csr_pem": csr_pem,
            "profile": profile,
            "preferred_chain": preferred_chain,
            "provider": provider,
            "nameservers": nameservers,
            "timeout_seconds": timeout_seconds,
            "timing": timing,
            "native_records": native_records,
            "account_uri": account_uri,
            "account_key_pem": account_key_pem,
            "account_key_type": account_key_type,
            "account_key_epoch": account_key_epoch,
            "fallbacks": fallbacks,
        }
        props = {**dict.fromkeys(annotated(type(self))), **inputs}
        super().__init__("tic:acme/issuedCertificate:IssuedCertificate", name, props, opts, remote=True)
        if isinstance(csr_pem, str) and csr_pem:
            self.private_key_pem = _nothing()


def _nothing() -> Output[Any]:
    """What is known not to be there; Pulumi's SDK takes a missing output for unknown in a preview."""
    return Output.from_input(None)


def get_epoch(name: str, opts: pulumi.InvokeOptions | None = None) -> Output[int]:
    """The epoch that the `Certificate` of this name should have in this run: one higher when it is due."""
    answer = pulumi.runtime.invoke_output("tic:acme/getEpoch:getEpoch", {"name": name}, opts)
    return answer.apply(lambda result: int(result["epoch"]))
