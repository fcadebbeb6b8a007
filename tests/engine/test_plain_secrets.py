"""C2, B4: configuration holds no provider's secret in plain text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import plain_secrets

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alicloud:secretKey", "s"),
        ("tencentcloud:secretKey", "s"),
        ("tencentcloud:securityToken", "s"),
        ("aws:secretKey", "s"),
        ("aws:config:secretKey", "s"),
        ("azure:clientSecret", "s"),
        ("cloudflare:api_token", "s"),
        ("postgresql:password", {"value": "s"}),
        ("cloudflare:apiKey", {"type": "string", "default": "s"}),
        ("x:settings", {"nested": [{"privateKey": "s"}]}),
        ("site:anything", "-----BEGIN EC PRIVATE KEY-----\nMHc"),
        ("gcp:credentials", '{"private_key": "x"}'),
    ],
)
def test_a_providers_secret_in_plain_text_is_found(key: str, value: Any) -> None:
    assert list(plain_secrets.found("site", {key: value})) == [key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alicloud:region", "cn-hangzhou"),
        ("alicloud:accessKey", "LTAI"),
        ("alicloud:secretKey", {"secure": "Zm9v"}),
        ("alicloud:secretKey", ""),
        ("aws:skipCredentialsValidation", "true"),
        ("x:useToken", True),
        ("x:tokenUrl", "https://example.com"),
        ("site:token", "the project's own name for something"),
        ("token", "the project's own name for something"),
        ("gcp:credentials", "/a/path.json"),
    ],
)
def test_what_is_sealed_or_no_secret_is_left_alone(key: str, value: Any) -> None:
    assert list(plain_secrets.found("site", {key: value})) == []


@given(st.dictionaries(st.text(max_size=20), JSON, max_size=4))
def test_whatever_stands_in_a_file_is_judged(values: dict[str, Any]) -> None:
    assert set(plain_secrets.found("site", values)) <= set(values)
