"""`tic creds kinds`: the catalogue, one kind, an older name; and that a listing reads none of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from credentials import kinds
from tests.cli.command import Tic, refusal

ROOT = Path(__file__).parents[2]
SEE_ALL = "see all kinds: tic creds kinds"


def test_the_catalogue_fits_eighty_columns(fresh: Tic) -> None:  # B6
    said = fresh("creds", "kinds")
    assert (said.code, said.err) == (0, "  next: tic creds kinds --kind PROVIDER\n")
    head, *rows = said.out.splitlines()
    assert head.split() == ["PROVIDER", "GROUP", "DNS", "WHAT", "IT", "IS"]
    assert max(map(len, rows)) <= 80
    assert [row.split()[0] for row in rows[:2]] == ["alicloud", "aws"]
    assert "tencentcloud        cloud     yes  Tencent Cloud" in rows
    assert "kubernetes          cluster   -    Kubernetes cluster" in rows
    assert sorted(row.split()[0] for row in rows) == list(kinds.names())


@pytest.mark.parametrize(
    ("group", "some", "none"),
    [
        ("cloud", {"aws", "jdcloud"}, {"duckdns"}),
        ("dns", {"aws", "duckdns", "exec"}, {"jenkins"}),
        ("im", {"feishu", "dingtalk", "wechat-work"}, {"aws"}),
        ("build", {"jenkins", "maven-settings"}, {"aws"}),
    ],
)
def test_a_group_holds_every_kind_for_that_purpose(
    fresh: Tic, group: str, some: set[str], none: set[str]
) -> None:
    listed = {one["name"] for one in json.loads(fresh("creds", "kinds", "--group", group, "--json").out)}
    assert listed >= some
    assert listed.isdisjoint(none)
    assert listed == {one.name for one in map(kinds.load, kinds.names()) if group in one.purpose}


def test_one_kind_says_what_it_wants(fresh: Tic) -> None:
    said = fresh("creds", "kinds", "--kind", "cloudflare")
    assert said.out.startswith(
        "cloudflare: Cloudflare\nget it from: https://dash.cloudflare.com/profile/api-tokens\n"
        "give api-token, or email and api-key\n"
    )
    assert "\napi-token (secret, optional)\n" in said.out
    assert "\nttl (default: 120)\n    TTL of challenge records, in seconds, at least 120\n" in said.out
    assert said.err == "  next: tic creds new NAME --provider cloudflare\n"


@pytest.mark.parametrize("name", kinds.names())
def test_every_kind_is_shown_in_eighty_columns_and_as_json(fresh: Tic, name: str) -> None:
    said = fresh("creds", "kinds", "--kind", name)
    assert said.code == 0
    assert max(len(line) for line in said.out.splitlines() if "get it from" not in line) <= 80
    shown = json.loads(fresh("creds", "kinds", "--kind", name, "--json").out)
    assert shown["name"] == name
    assert [one["name"] for one in shown["fields"]] == [one.name for one in kinds.load(name).fields]


def test_a_field_that_comes_from_elsewhere_says_so(fresh: Tic) -> None:
    said = fresh("creds", "kinds", "--kind", "aws")
    assert "    get it from: https://console.aws.amazon.com/route53/v2/hostedzones\n" in said.out


def test_another_name_for_the_same_shows_the_kind(fresh: Tic) -> None:  # D2
    said = fresh("creds", "kinds", "--kind", "route53")
    assert said.out.startswith("route53 is aws: AWS has one kind of credential")
    assert "\naws: AWS\n" in said.out
    asked = fresh("creds", "kinds", "--kind", "route53", "--json").out
    assert asked == fresh("creds", "kinds", "--kind", "aws", "--json").out


def test_a_name_that_died_shows_its_successor(fresh: Tic) -> None:  # D2
    said = fresh("creds", "kinds", "--kind", "dnspod")
    assert said.code == 0
    assert said.out.startswith("dnspod: DNSPod\nDNSPod became part of Tencent Cloud")
    assert "\nUse tencentcloud instead:\n\ntencentcloud: Tencent Cloud\n" in said.out
    assert json.loads(fresh("creds", "kinds", "--kind", "iij", "--json").out)["succeeded_by"] == "iijdpf"
    said = fresh("creds", "kinds", "--kind", "cloudxns")
    assert said.out == (
        "cloudxns: CloudXNS\nCloudXNS shut down in 2021; its zones have to move to another provider.\n"
    )
    assert said.err == "  next: tic creds kinds --group dns\n"


@pytest.mark.parametrize(
    ("words", "error", "following"),
    [
        (["--kind", "awss"], "'awss' is no kind of credential; did you mean aws?", SEE_ALL),
        (["--kind", "route35"], "'route35' is no kind of credential; did you mean route53?", SEE_ALL),
        (
            ["--group", "fun"],
            "there is no group 'fun' of kinds",
            "choose one of: cloud, dns, cluster, registry, build, im, basic, ca",
        ),
        (
            ["--kind", "aws", "--group", "dns"],
            "--kind names one kind, and --group several",
            "give one of the two",
        ),
    ],
)
def test_what_is_not_there_is_one_clear_error(
    fresh: Tic, words: list[str], error: str, following: str
) -> None:
    said = fresh("creds", "kinds", *words)
    assert said.code == 2
    assert refusal(said) == (error, following)


def test_a_credential_can_be_made_by_another_name_of_its_kind(tic: Tic) -> None:  # D2
    said = tic("creds", "new", "dns", "--provider", "dnsupdate", "--field", "nameserver=ns.example")
    assert said.code == 0, said.err
    assert json.loads(tic("creds", "show", "dns", "--json").out)["provider"] == "rfc2136"


@pytest.mark.parametrize(
    ("name", "following"),
    [
        ("dnspod", "make one of its successor: tic creds new NAME --provider tencentcloud"),
        ("stackpath", "choose another provider for your zone: tic creds kinds --group dns"),
    ],
)
def test_a_credential_of_what_died_is_refused_with_its_successor(
    tic: Tic, name: str, following: str
) -> None:  # D2
    said = tic("creds", "new", "dns", "--provider", name, "--secrets-from", "-", stdin="{}")
    assert said.code == 2
    error, hint = refusal(said)
    assert error.startswith(f"{name} (")
    assert hint == following


def test_a_listing_reads_no_kind(tic: Tic) -> None:
    tic("creds", "new", "dns", "--provider", "exec", "--field", f"path={sys.executable}")
    program = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "from cli.main import app\n"
        "app(['creds', 'list'], standalone_mode=False)\n"
        "print(*[one for one in opened if one.endswith('.toml')], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"TIC_HOME": str(tic.home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "exec" in done.stdout
    assert done.stderr.strip() == ""
