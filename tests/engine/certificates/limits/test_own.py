"""E1: what a CA grants beyond what it documents, and the limits of a CA of one's own, come from a file."""

import tomllib
from pathlib import Path

import pytest

import engine.certificates.limits
from engine.certificates.limits.limit import Counts, Per, combined
from engine.certificates.limits.own import LimitsMalformed

LETSENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
DATA = Path(engine.certificates.limits.__file__).with_name("limits.toml")


def test_an_override_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text('[[letsencrypt.limit]]\nname = "orders"\nmost = 3000\nrefill = 3.6\n')
    data = tomllib.loads(DATA.read_text())

    before, after = combined(data, tmp_path / "none"), combined(data, path)

    was = {each.name: each for each in before[LETSENCRYPT].limits}
    now = {each.name: each for each in after[LETSENCRYPT].limits}
    assert (now["orders"].most, now["orders"].refill) == (3000, 3.6)
    assert (now["orders"].told_by, now["orders"].per) == (was["orders"].told_by, was["orders"].per)
    assert {name for name in now if now[name] != was[name]} == {"orders"}
    assert after[LETSENCRYPT].source == str(path)
    assert after[LETSENCRYPT].label == "Let's Encrypt"
    assert {url: each for url, each in after.items() if url != LETSENCRYPT} == {
        url: each for url, each in before.items() if url != LETSENCRYPT
    }


def test_a_ca_of_ones_own_has_limits_too(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(
        '[ours]\ndirectories = ["https://ca.example/dir"]\n\n'
        '[[ours.limit]]\nname = "daily"\ncounts = "certificates"\nper = "account"\nmost = 10\nrefill = 8640\n'
    )

    ours = combined({}, path)["https://ca.example/dir"]

    (limit,) = ours.limits
    assert (limit.counts, limit.per, limit.label, limit.told_by) == (
        Counts.CERTIFICATES,
        Per.ACCOUNT,
        "daily",
        "",
    )
    assert (ours.label, ours.source, ours.replacements_exempt) == ("ours", str(path), False)


@pytest.mark.parametrize(
    "text",
    [
        "what",
        "a = 1",
        "[a]\nb = 1",
        '[a]\ndirectories = "https://ca.example"',
        "[[a.limit]]\nmost = 1",
        '[[letsencrypt.limit]]\nname = "orders"\nmost = 0',
        '[[letsencrypt.limit]]\nname = "orders"\nmost = true',
        '[[letsencrypt.limit]]\nname = "orders"\nrefill = "often"',
        '[[letsencrypt.limit]]\nname = "orders"\nper = "moon"',
        '[[letsencrypt.limit]]\nname = "orders"\nevery = 1',
        '[[ours.limit]]\nname = "daily"\nmost = 1',
    ],
)
def test_a_file_that_says_something_else_is_told_of_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)

    with pytest.raises(LimitsMalformed) as error:
        combined(tomllib.loads(DATA.read_text()), path)

    assert str(error.value).startswith(f"{path}: ")
    assert str(path) in error.value.hint
