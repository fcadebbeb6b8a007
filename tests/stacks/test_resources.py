"""The typed classes: in step with the schema, and light to import."""

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

from stacks import deployments, resources, typed
from stacks.provider.schema import schema

SCHEMA: dict[str, Any] = json.loads(schema("0.0.0"))
CLASSES = {
    "tic:acme/account:Account": resources.Account,
    "tic:acme/order:Order": resources.Order,
    "tic:acme/authorization:Authorization": resources.Authorization,
    "tic:acme/certificate:Certificate": resources.Certificate,
    "tic:acme/issuedCertificate:IssuedCertificate": resources.IssuedCertificate,
    "tic:dns/challengeRecord:ChallengeRecord": resources.ChallengeRecord,
    **{each.type_token: each for each in deployments.TARGETS},
}


def test_every_resource_of_the_schema_has_a_class() -> None:
    assert set(SCHEMA["resources"]) == set(CLASSES)


@pytest.mark.parametrize("token", CLASSES)
def test_a_class_takes_the_inputs_of_the_schema_and_requires_the_same(token: str) -> None:
    parameters = inspect.signature(CLASSES[token]).parameters
    inputs = {typed.python_name(each) for each in SCHEMA["resources"][token]["inputProperties"]}
    assert set(parameters) - {"name", "opts"} == inputs
    required = {typed.python_name(each) for each in SCHEMA["resources"][token]["requiredInputs"]}
    assert {name for name, each in parameters.items() if each.default is each.empty} == required | {"name"}


@pytest.mark.parametrize("token", CLASSES)
def test_a_class_has_the_outputs_of_the_schema(token: str) -> None:
    outputs = {typed.python_name(each) for each in SCHEMA["resources"][token]["properties"]}
    assert typed.annotated(CLASSES[token]) == outputs


def test_names_are_translated_both_ways_and_file_names_are_left_alone() -> None:
    named = typed.Named()
    assert named.translate_output_property("recordName") == "record_name"
    assert named.translate_input_property("record_name") == "recordName"
    assert named.translate_input_property("timeout_seconds") == "timeoutSeconds"
    assert named.translate_output_property("fullChain.pem") == "fullChain.pem"
    assert named.translate_input_property("my_key.pem") == "my_key.pem"


def test_importing_the_classes_needs_pulumi_only() -> None:
    code = (
        "import sys, stacks.resources, stacks.deployments;"
        "heavy = ('acme', 'cryptography', 'engine', 'credentials', 'stacks.provider');"
        "print([each for each in heavy if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
