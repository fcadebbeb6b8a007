"""A stand-in for `pulumi-resource-tencentcloud`: a record, a network, and the networks that there are.

It looks for a credential where the real one does (its documentation, "Authentication"): in its configuration,
in TENCENTCLOUD_* variables, and in the file of Tencent's CLI, without being asked to.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from credentials.identity.tencentcloud import Refused, caller
from credentials.secret import SecretBytes
from tests.plugins.cloud import Cloud, Gone, NoCredential, Plain, Resource, first, serve

VERSIONS = {"dnspod": "2021-03-23", "vpc": "2017-03-12"}
OF_A_RECORD = {
    "subDomain": "SubDomain", "recordType": "RecordType", "recordLine": "RecordLine", "value": "Value",
    "ttl": "TTL",
}  # fmt: skip


class Tencentcloud(Cloud):
    """Speaks to Tencent Cloud's API with what it found."""

    def settle(self, given: Plain) -> None:
        try:
            fields = first(
                [lambda: _configured(given), lambda: _of_variables(), lambda: _of_file(given)],
                ("secret-id", "secret-key"),
            )
        except NoCredential:
            message = "please set your `secret_id` and `secret_key`"
            raise RuntimeError(message) from None
        region = given.get("region") or os.environ.get("TENCENTCLOUD_REGION") or "ap-guangzhou"
        self._call = caller("tencentcloud", {**fields, "region": SecretBytes(region.encode())}, timeout=10)
        self.resources = {
            "tencentcloud:Dnspod/record:Record": Resource(
                self._create_record, self._read_record, self._delete_record, self._update_record, ("domain",)
            ),
            "tencentcloud:Vpc/instance:Instance": Resource(
                self._create_network, self._read_network, self._delete_network
            ),
        }
        self.functions = {"tencentcloud:Vpc/getInstances:getInstances": self._networks}

    def ask(self, product: str, action: str, **parameters: Any) -> dict[str, Any]:
        asked = {name: value for name, value in parameters.items() if value is not None}
        try:
            return self._call(product, VERSIONS[product], action, asked)
        except Refused as refused:
            if refused.code == "ResourceNotFound.NoDataOfRecord":
                raise Gone from None
            message = f"[TencentCloudSDKError] {action}: {refused.code}"
            raise RuntimeError(message) from None

    def _create_record(self, given: Plain) -> tuple[str, Plain]:
        id_ = self.ask(
            "dnspod",
            "CreateRecord",
            Domain=given["domain"],
            **{theirs: given.get(name) for name, theirs in OF_A_RECORD.items()},
        )["RecordId"]
        return f"{given['domain']}#{id_}", self._read_record(f"{given['domain']}#{id_}", given)

    def _update_record(self, id_: str, given: Plain) -> Plain:
        self.ask(
            "dnspod",
            "ModifyRecord",
            **_named(id_),
            **{theirs: given.get(name) for name, theirs in OF_A_RECORD.items()},
        )
        return self._read_record(id_, given)

    def _read_record(self, id_: str, _: Plain) -> Plain:
        found = self.ask("dnspod", "DescribeRecord", **_named(id_))["RecordInfo"]
        ours = {name: found[theirs] for name, theirs in OF_A_RECORD.items()}
        return {**ours, "domain": found["Domain"], "status": "ENABLE"}

    def _delete_record(self, id_: str, _: Plain) -> None:
        self.ask("dnspod", "DeleteRecord", **_named(id_))

    def _create_network(self, given: Plain) -> tuple[str, Plain]:
        made = self.ask("vpc", "CreateVpc", CidrBlock=given["cidrBlock"], VpcName=given.get("name", "vpc"))
        return made["Vpc"]["VpcId"], self._read_network(made["Vpc"]["VpcId"], given)

    def _read_network(self, id_: str, given: Plain) -> Plain:
        found = self.ask("vpc", "DescribeVpcs", VpcIds=[id_])["VpcSet"]
        if not found:
            raise Gone
        return {**given, "cidrBlock": found[0]["CidrBlock"], "name": found[0]["VpcName"], "isDefault": False}

    def _delete_network(self, id_: str, _: Plain) -> None:
        self.ask("vpc", "DeleteVpc", VpcId=id_)

    def _networks(self, _: Plain) -> Plain:
        found = self.ask("vpc", "DescribeVpcs")["VpcSet"]
        return {
            "id": "networks",
            "instanceLists": [{"vpcId": one["VpcId"], "name": one["VpcName"]} for one in found],
        }


def _named(id_: str) -> dict[str, Any]:
    domain, _, number = id_.partition("#")
    return {"Domain": domain, "RecordId": int(number)}


def _configured(given: Plain) -> Mapping[str, str]:
    names = {"secret-id": "secretId", "secret-key": "secretKey", "session-token": "securityToken"}
    return {name: given.get(property_, "") for name, property_ in names.items()}


def _of_variables() -> Mapping[str, str]:
    names = {
        "secret-id": "TENCENTCLOUD_SECRET_ID",
        "secret-key": "TENCENTCLOUD_SECRET_KEY",
        "session-token": "TENCENTCLOUD_SECURITY_TOKEN",
    }
    return {name: os.environ.get(variable, "") for name, variable in names.items()}


def _of_file(given: Plain) -> Mapping[str, str]:
    named = given.get("sharedCredentialsDir") or os.environ.get("TENCENTCLOUD_SHARED_CREDENTIALS_DIR")
    profile = given.get("profile") or os.environ.get("TENCENTCLOUD_PROFILE") or "default"
    path = Path(named or "~/.tccli").expanduser() / f"{profile}.credential"
    if not path.exists():
        return {}
    found = json.loads(path.read_text())
    return {"secret-id": found["secretId"], "secret-key": found["secretKey"]}


def main(report: str) -> None:
    """Be the plugin."""
    serve(Tencentcloud(), "0.2.3", report)
