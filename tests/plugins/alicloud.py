"""A stand-in for `pulumi-resource-alicloud`: a record, a network, and who it is.

It looks for a credential where the real one does (its documentation, "Authentication"): in its configuration,
in ALIBABA_CLOUD_* or ALICLOUD_* variables, and where a profile is asked for in the file of Alibaba's CLI.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from credentials.identity.alicloud import Api, Refused, caller
from tests.plugins.cloud import Cloud, Gone, NoCredential, Plain, Resource, first, serve

HOSTS = {"alidns": "2015-01-09", "vpc": "2016-04-28", "sts": "2015-04-01"}
OF_A_RECORD = {"rr": "RR", "type": "Type", "value": "Value", "ttl": "TTL"}


# What programs in YAML need of the package's.
SCHEMA: Plain = {
    "name": "alicloud",
    "version": "4.0.0",
    "provider": {"inputProperties": {"region": {"type": "string"}}},
    "resources": {
        "alicloud:dns/alidnsRecord:AlidnsRecord": {
            "inputProperties": {name: {"type": "string"} for name in ("domainName", "rr", "type", "value")},
            "requiredInputs": ["domainName", "rr", "type", "value"],
        }
    },
}


class Alicloud(Cloud):
    """Speaks to Alibaba Cloud's API with what it found."""

    schema = SCHEMA

    def settle(self, given: Plain) -> None:
        try:
            fields = first(
                [lambda: _configured(given), lambda: _of_variables(), lambda: _of_profile(given)],
                ("access-key", "secret-key"),
            )
        except NoCredential:
            message = "no valid credential sources for Alibaba Cloud found"
            raise RuntimeError(message) from None
        self.region = given.get("region") or os.environ.get("ALICLOUD_REGION") or "cn-hangzhou"
        self._call = caller("alicloud", fields, timeout=10)
        self.resources = {
            "alicloud:dns/alidnsRecord:AlidnsRecord": Resource(
                self._create_record,
                self._read_record,
                self._delete_record,
                self._update_record,
                ("domainName",),
            ),
            "alicloud:vpc/network:Network": Resource(
                self._create_network, self._read_network, self._delete_network
            ),
        }
        self.functions = {"alicloud:index/getCallerIdentity:getCallerIdentity": self._who}

    def ask(self, product: str, action: str, **parameters: Any) -> dict[str, Any]:
        asked = {name: str(value) for name, value in parameters.items() if value is not None}
        try:
            return self._call(Api(f"{product}.aliyuncs.com", HOSTS[product], action, asked))
        except Refused as refused:
            if refused.code in ("DomainRecordNotBelongToUser", "InvalidVpcId.NotFound"):
                raise Gone from None
            message = f"[ERROR] {action}: {refused.code}: {refused.words}"
            raise RuntimeError(message) from None

    def _create_record(self, given: Plain) -> tuple[str, Plain]:
        asked = {name: given.get(ours) for ours, name in OF_A_RECORD.items()}
        id_ = self.ask("alidns", "AddDomainRecord", DomainName=given["domainName"], **asked)["RecordId"]
        return id_, self._read_record(id_, given)

    def _update_record(self, id_: str, given: Plain) -> Plain:
        asked = {name: given.get(ours) for ours, name in OF_A_RECORD.items()}
        self.ask("alidns", "UpdateDomainRecord", RecordId=id_, **asked)
        return self._read_record(id_, given)

    def _read_record(self, id_: str, _: Plain) -> Plain:
        found = self.ask("alidns", "DescribeDomainRecordInfo", RecordId=id_)
        return {
            "domainName": found["DomainName"], "rr": found["RR"], "type": found["Type"],
            "value": found["Value"], "ttl": int(found["TTL"]), "line": found["Line"],
            "status": found["Status"],
        }  # fmt: skip

    def _delete_record(self, id_: str, _: Plain) -> None:
        self.ask("alidns", "DeleteDomainRecord", RecordId=id_)

    def _create_network(self, given: Plain) -> tuple[str, Plain]:
        asked = {"CidrBlock": given.get("cidrBlock"), "VpcName": given.get("vpcName")}
        id_ = self.ask("vpc", "CreateVpc", RegionId=self.region, **asked)["VpcId"]
        return id_, self._read_network(id_, given)

    def _read_network(self, id_: str, given: Plain) -> Plain:
        found = self.ask("vpc", "DescribeVpcAttribute", RegionId=self.region, VpcId=id_)
        return {
            **given,
            "cidrBlock": found["CidrBlock"],
            "vpcName": found["VpcName"],
            "status": found["Status"],
        }

    def _delete_network(self, id_: str, _: Plain) -> None:
        self.ask("vpc", "DeleteVpc", RegionId=self.region, VpcId=id_)

    def _who(self, _: Plain) -> Plain:
        found = self.ask("sts", "GetCallerIdentity")
        told = {"accountId": found["AccountId"], "arn": found["Arn"], "identityType": found["IdentityType"]}
        return {**told, "id": found["AccountId"]}


def _configured(given: Plain) -> Mapping[str, str]:
    names = {"access-key": "accessKey", "secret-key": "secretKey", "security-token": "securityToken"}
    return {name: given.get(property_, "") for name, property_ in names.items()}


def _of_variables() -> Mapping[str, str]:
    names = {
        "access-key": ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALICLOUD_ACCESS_KEY"),
        "secret-key": ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALICLOUD_SECRET_KEY"),
        "security-token": ("ALIBABA_CLOUD_SECURITY_TOKEN", "ALICLOUD_SECURITY_TOKEN"),
    }
    return {name: next(filter(None, map(os.environ.get, known)), "") for name, known in names.items()}


def _of_profile(given: Plain) -> Mapping[str, str]:
    profile = given.get("profile") or os.environ.get("ALICLOUD_PROFILE")
    named = given.get("sharedCredentialsFile") or os.environ.get("ALICLOUD_SHARED_CREDENTIALS_FILE")
    path = Path(named or "~/.aliyun/config.json").expanduser()
    if not profile or not path.exists():
        return {}
    found = next(one for one in json.loads(path.read_text())["profiles"] if one["name"] == profile)
    return {"access-key": found["access_key_id"], "secret-key": found["access_key_secret"]}


def main(report: str) -> None:
    """Be the plugin."""
    serve(Alicloud(), "4.0.0", report)
