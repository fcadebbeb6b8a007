"""Docker's config.json, as `docker login` would have written it."""

import base64
import json

import pytest

from credentials.files import UnfitFile, build
from credentials.secret import SecretBytes


def config(server: str, *, username: str = "me", password: str = "s") -> dict[str, object]:  # noqa: S107
    given = {"server": server, "username": username, "password": password}
    fields = {name: SecretBytes(value.encode()) for name, value in given.items()}
    made = json.loads(build("docker-config", fields).reveal())
    assert isinstance(made, dict)
    return made


@pytest.mark.parametrize(
    ("server", "key"),
    [
        ("ghcr.io", "ghcr.io"),
        ("registry.example.com:5000", "registry.example.com:5000"),
        ("https://registry.cn-hangzhou.aliyuncs.com/v2/", "registry.cn-hangzhou.aliyuncs.com"),
        ("docker.io", "https://index.docker.io/v1/"),
        ("index.docker.io", "https://index.docker.io/v1/"),
        ("registry-1.docker.io", "https://index.docker.io/v1/"),
        ("https://index.docker.io/v1/", "https://index.docker.io/v1/"),
    ],
)
def test_the_registry_is_named_as_docker_names_it(server: str, key: str) -> None:
    """B6."""
    assert config(server) == {"auths": {key: {"auth": base64.b64encode(b"me:s").decode()}}}


def test_a_password_may_hold_anything() -> None:
    made = json.dumps(config("ghcr.io", password='p:"\\ä'))
    assert base64.b64encode('me:p:"\\ä'.encode()).decode() in made


def test_a_user_name_that_docker_would_split_is_refused_and_not_shown() -> None:
    with pytest.raises(UnfitFile) as refused:
        config("ghcr.io", username="canary:x")
    assert "canary" not in str(refused.value) + refused.value.hint
