"""Which kind of credential a Pulumi package works with."""

from typing import Final

from credentials import kinds

PROVIDER: Final = "pulumi:providers:"
"""What the type of each instance of a provider begins with; the package follows."""

# Packages that are not called as their kind is.
_KINDS: Final = {
    "akamai": "edgedns",
    "aws-native": "aws",
    "azure-native": "azure",
    "azuread": "azure",
    "docker": "container-registry",
    "docker-build": "container-registry",
    "gandi": "gandiv5",
    "gcp": "gcloud",
    "google-native": "gcloud",
    "oci": "oraclecloud",
    "openstack": "designate",
    "volcenginecc": "volcengine",
}


def kind_of(package: str) -> str | None:
    """The kind's name; None for a package that takes no credential that the vault knows."""
    kind = _KINDS.get(package, package)
    return kind if kind in kinds.names() else None


def package_of(type_: str) -> str:
    """The package of a resource type: for `alicloud:dns/alidnsRecord:AlidnsRecord` and for
    `pulumi:providers:alicloud` it is `alicloud`.
    """
    return type_.removeprefix(PROVIDER).partition(":")[0]
