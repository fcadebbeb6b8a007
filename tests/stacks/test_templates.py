"""The templates: standard Pulumi projects whose settings are checked before anything is written."""

from pathlib import Path

import pytest
import yaml

from stacks import templates
from stacks.templates import SettingRefused, TemplateUnknown

ROOT = Path(__file__).parents[2]


def test_the_project_at_the_root_takes_the_same_settings() -> None:
    root = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert root["main"] == "stacks/"
    assert root["config"] == templates.load("certificate").settings


def test_the_program_of_the_template_is_the_one_that_the_root_runs() -> None:
    assert templates.load("certificate").files["__main__.py"] == (ROOT / "stacks" / "__main__.py").read_text()


def test_an_unknown_template_names_those_that_are_there() -> None:
    with pytest.raises(TemplateUnknown) as refused:
        templates.load("../certificate")
    assert "certificate" in refused.value.hint


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "domains"),
        ({"domains": []}, "domains"),
        ({"domains": "example.com"}, "list of strings"),
        ({"domains": [1]}, "list of strings"),
        ({"domains": ["example.com"], "nativeRecords": "maybe"}, "true or false"),
        ({"domains": ["a.test"], "email": ["x"]}, "email is a string"),
        ({"domains": ["a.test"], "accountKeyEpoch": "two"}, "accountKeyEpoch is a whole number"),
        ({"domains": ["a.test"], "timing": "60"}, "timing is a mapping"),
        ({"domains": ["a.test"], "timing": {"tll": 60}}, "timing: .*ttl"),
        ({"domains": ["a.test"], "timing": {"ttl": "60"}}, "timing is a mapping to numbers"),
        ({"domains": ["a.test"], "timing": {"ttl": 0.5}}, "timing: .*whole"),
        ({"domains": ["a.test"], "colour": "red"}, "'colour'"),
        ({"domains": ["a.test"], "directory": "nope"}, "directory"),
        ({"domains": ["a.test"], "directory": "http://ca.test/dir"}, "https"),
        ({"domains": ["a.test"], "directory": "https://[ca/dir"}, "directory"),
        ({"domains": ["a.test"], "directory": ""}, "directory"),
        ({"domains": ["../../x"]}, "domains"),
        ({"domains": ["a.test", "A.test."]}, "same name"),
        ({"domains": ["192.0.2.1"]}, "IP address"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], said: str) -> None:
    with pytest.raises(SettingRefused, match=said) as refused:
        templates.check(templates.load("certificate"), settings)
    assert refused.value.hint


@pytest.mark.parametrize("name", ["alicloud", "tencentcloud"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"address": "192.0.2.1"}, "needs domain"),
        ({"domain": "example.com"}, "needs address"),
        ({"domain": "*.example.com", "address": "192.0.2.1"}, "without"),
        ({"domain": "exa mple", "address": "192.0.2.1"}, "domain"),
        ({"domain": "example.com", "address": "::1"}, "address"),
        ({"domain": "example.com", "address": "192.0.2.1", "cidr": "10.0.0.1/16"}, "cidr"),
        ({"domain": "example.com", "address": "192.0.2.1", "secretKey": "x"}, "no setting 'secretKey'"),
    ],
)
def test_a_wrong_setting_of_a_cloud_is_named(name: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(SettingRefused, match=said) as refused:
        templates.check(templates.load(name), settings)
    assert refused.value.hint


@pytest.mark.parametrize("name", ["alicloud", "tencentcloud"])
def test_a_clouds_template_is_a_whole_project_with_its_sdk_in_an_environment_of_its_own(name: str) -> None:
    chosen = templates.load(name)
    assert set(chosen.files) == {"Pulumi.yaml", "__main__.py", "requirements.txt", "README.md", ".gitignore"}
    assert chosen.providers == (name,)
    runtime = yaml.safe_load(chosen.files["Pulumi.yaml"])["runtime"]
    assert runtime == {"name": "python", "options": {"virtualenv": ".venv"}}
    assert ".venv/" in chosen.files[".gitignore"].splitlines()
    compile(chosen.files["__main__.py"], "__main__.py", "exec")
    templates.check(chosen, {"domain": "bücher.example", "address": "192.0.2.1"})


@pytest.mark.parametrize("directory", ["letsencrypt", "letsencrypt-staging", "https://ca.test:14000/dir"])
def test_good_settings_pass(directory: str) -> None:
    settings: dict[str, object] = {"domains": ["*.a.test", "bücher.test"], "keyType": "ec384"}
    settings |= {"directory": directory, "timing": {"ttl": 60}, "nativeRecords": "true"}
    templates.check(templates.load("certificate"), settings)


def test_python_leaves_nothing_for_git_to_see() -> None:
    assert "__pycache__/" in templates.load("certificate").files[".gitignore"].splitlines()
