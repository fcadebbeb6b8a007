"""The catalogue as a whole: every kind that is promised, in data that fits, and lego agrees with it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import kinds
from credentials.kinds import InvalidFields, Kind, KindIsGone, UnknownKind
from scripts import kinds_page
from tests.credentials.examples import example, ways, whole

HEADINGS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("dns_headings.toml").read_text(encoding="utf-8")
)
CLOUDS = {
    *("alicloud", "tencentcloud", "huaweicloud", "baiducloud", "volcengine", "jdcloud"),
    *("aws", "azure", "cloudflare"),
}
OTHERS = {
    *("feishu", "dingtalk", "wechat-work", "kubernetes", "container-registry", "username-password"),
    *("jenkins", "maven-settings"),
}
SUCCESSORS = {"dnspod": "tencentcloud", "iij": "iijdpf", "cloudxns": None, "stackpath": None}
WITHOUT_SECRETS = {
    "exec": "a program",
    "bindman": "a manager that asks nobody who they are",
}


def every() -> list[Kind]:
    return [kinds.load(name) for name in kinds.names()]


def test_every_kind_that_is_promised_is_there() -> None:  # B6
    assert {one.name for one in every() if one.group == "cloud"} == CLOUDS
    assert set(kinds.names()) >= OTHERS
    assert {one.name for one in every() if one.group == "im"} == {"feishu", "dingtalk", "wechat-work"}


@pytest.mark.parametrize("one", every(), ids=lambda one: one.name)
def test_every_kind_fits_the_schema_and_asks_for_something(one: Kind) -> None:
    assert len(one.label) <= 45, "the list has 80 columns"
    assert one.missing(()) or one.undecided(()), "an empty credential would be valid"
    assert any(field.secret for field in one.fields) or one.name in WITHOUT_SECRETS
    assert one.publishes_records == ("dns" in one.purpose)
    assert not any(field.tuning and (field.secret or field.required) for field in one.fields)


@pytest.mark.parametrize("one", every(), ids=lambda one: one.name)
def test_every_way_of_giving_a_kind_is_taken(one: Kind) -> None:
    for way in ways(one):
        assert one.checked(way) == way
        assert one.checked(whole(one, way)) == whole(one, way)


@pytest.mark.parametrize("name", kinds.former_names())
def test_every_other_name_answers_with_a_kind_or_why_there_is_none(name: str) -> None:
    former = kinds.former(name)
    assert former is not None
    assert name not in kinds.names()
    assert former.because.endswith(".")
    if former.same:
        assert kinds.load(name).name == former.succeeded_by
    else:
        with pytest.raises(KindIsGone) as gone:
            kinds.load(name)
        assert isinstance(gone.value, UnknownKind)
        assert former.because in str(gone.value)
        assert (former.succeeded_by or "tic creds kinds --group dns") in gone.value.hint
        assert former.succeeded_by is None or former.succeeded_by in kinds.names()


def test_the_four_that_died_answer_with_their_successor() -> None:  # D2
    asked = {name: kinds.former(name) for name in SUCCESSORS}
    assert {name: one and one.succeeded_by for name, one in asked.items()} == SUCCESSORS


def test_the_list_of_dns_providers_is_whole() -> None:  # D2
    assert len(HEADINGS) == 61
    names = {one["name"] for one in HEADINGS.values()}
    assert len(names) == 61
    answered = {name for name in names if name in kinds.names() or kinds.former(name)}
    assert answered == names
    usable = [name for name in names if (former := kinds.former(name)) is None or former.same]
    assert len(usable) == 57
    assert all(kinds.load(name).publishes_records for name in usable)


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_variable_under_a_heading_is_understood(heading: str) -> None:  # D2
    name = HEADINGS[heading]["name"]
    if name in SUCCESSORS:
        return
    known = {
        variable
        for field in kinds.load(name).fields
        for variable in (*field.variables, *field.file_variables)
    }
    # Keys of version 3 of Linode's API, which Linode switched off, open nothing any more.
    assert set(HEADINGS[heading]["variables"]) - known <= {"LINODE_API_KEY"}


@pytest.mark.parametrize("one", every(), ids=lambda one: one.name)
def test_no_kind_fills_a_variable_that_changes_more_than_its_provider(one: Kind) -> None:
    for field in one.fields:
        for variable in field.variables:
            to_a_file = variable.endswith(("_FILE", "_PATH", "_DIR")) or variable == "PATH"
            assert not to_a_file or field.path
            assert not variable.endswith("_PROXY")
        for variable in (*field.variables, *field.file_variables):
            assert not variable.startswith(("LD_", "PYTHON", "PULUMI_", "TIC_", "SSL_", "LEGO_DISABLE"))


@pytest.mark.parametrize("one", every(), ids=lambda one: one.name)
def test_tuning_is_left_to_the_provider_unless_it_is_given(one: Kind) -> None:  # D2
    assert not one.defaults().keys() & {field.name for field in one.fields if field.tuning}


@given(st.sampled_from(kinds.names()), st.data())
def test_any_values_are_taken_or_refused_in_words_without_them(name: str, data: st.DataObject) -> None:
    kind = kinds.load(name)
    canary = "c4n4ry-9d1e"
    around = st.text(max_size=12)
    values = st.one_of(
        st.builds(lambda before, after: before + canary + after, around, around),
        st.just(""),
        st.sampled_from([canary * 6000, "\ud800" + canary, canary + "\n" + canary]),
    )
    names = st.sampled_from([*(field.name for field in kind.fields), canary + " x", ""])
    fields = data.draw(st.dictionaries(names, values, max_size=6))
    whole_ones = data.draw(st.lists(st.sampled_from(kind.fields), max_size=6))
    fields |= {field.name: example(field) for field in whole_ones}
    try:
        kept = kind.checked(fields)
    except InvalidFields as refused:
        said = f"{refused} {refused.hint}"
        assert canary not in said
        assert said.isprintable()
    else:
        assert kept == {name: value for name, value in fields.items() if value}
        assert not kind.missing(kept)
        assert not kind.undecided(kept)


def test_the_page_of_kinds_says_what_the_catalogue_says() -> None:
    assert kinds_page.PAGE.read_text(encoding="utf-8") == kinds_page.page(), (
        "write it anew: python -m scripts.kinds_page"
    )
