"""Where Pulumi's providers look when nobody hands them a credential, and what closes each place.

What a stack is bound to comes first in every provider. But without it, or for an instance that asks for a
profile, files in the user's home and the machine's metadata service would serve it: a credential that nobody
bound. Each family of variables closes its own places; a variable of it that the user passes on by name
(`--env`) opens them for that run.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

NOWHERE: Final = "{nowhere}"
"""Stands for a path where nothing is. Some providers refuse an empty file, and take one that is missing."""


@dataclass(frozen=True, slots=True)
class Family:
    """A provider's variables (by what they begin with), and those that close a place, with their value.

    `machine` are those that close the machine's own identity; a credential of `kind` may stand for just that.
    """

    kind: str
    begins: tuple[str, ...]
    files: Mapping[str, str]
    machine: Mapping[str, str]


_FAMILIES: Final = (
    # https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html and feature-imds-credentials.html
    Family(
        "aws",
        ("AWS_",),
        {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull},
        {"AWS_EC2_METADATA_DISABLED": "true"},
    ),
    # The provider's documentation (authentication), and that of Alibaba's credentials packages.
    Family(
        "alicloud",
        ("ALICLOUD_", "ALIBABA_CLOUD_"),
        {
            "ALICLOUD_SHARED_CREDENTIALS_FILE": NOWHERE,
            "ALIBABA_CLOUD_CREDENTIALS_FILE": NOWHERE,
            "ALIBABA_CLOUD_CLI_PROFILE_DISABLED": "true",
        },
        {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"},
    ),
    # The provider's documentation: without keys it reads ~/.tccli. A machine's role it takes only by name.
    Family("tencentcloud", ("TENCENTCLOUD_",), {"TENCENTCLOUD_SHARED_CREDENTIALS_DIR": NOWHERE}, {}),
    # https://learn.microsoft.com/cli/azure/azure-cli-configuration: the providers ask the CLI for a token.
    # A managed identity they use only where they are told to.
    Family("azure", ("ARM_", "AZURE_"), {"AZURE_CONFIG_DIR": NOWHERE}, {}),
    # https://cloud.google.com/docs/authentication/application-default-credentials: the variable comes first,
    # and a file that is missing ends the search, before the one in the home and the metadata service. The
    # machine's identity is all of that.
    Family(
        "gcloud",
        ("GOOGLE_", "CLOUDSDK_"),
        {},
        {"CLOUDSDK_CONFIG": NOWHERE, "GOOGLE_APPLICATION_CREDENTIALS": NOWHERE},
    ),
    # https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    Family("kubernetes", ("KUBECONFIG", "KUBE_", "KUBERNETES_"), {"KUBECONFIG": NOWHERE}, {}),
    # https://docs.docker.com/reference/cli/docker/#environment-variables and containers-auth.json(5)
    Family(
        "container-registry",
        ("DOCKER_", "REGISTRY_AUTH_FILE"),
        {"DOCKER_CONFIG": NOWHERE, "REGISTRY_AUTH_FILE": NOWHERE},
        {},
    ),
)


def closed(nowhere: str, *, passed: Iterable[str] = (), by_machine: Collection[str] = ()) -> dict[str, str]:
    """The variables that keep providers from what the stack is not bound to.

    `passed` are the variables that the user passes on by name. `by_machine` are the kinds that the stack is
    bound to a credential of which stands for the machine's own identity.
    """
    names = tuple(passed)
    found: dict[str, str] = {}
    for family in _FAMILIES:
        if any(name.startswith(family.begins) for name in names):
            continue
        found.update(family.files)
        if family.kind not in by_machine:
            found.update(family.machine)
    return {name: value.replace(NOWHERE, nowhere) for name, value in found.items()}


def closes() -> Iterator[str]:
    """The names of all these variables, for the documentation."""
    for family in _FAMILIES:
        yield from (*family.files, *family.machine)
