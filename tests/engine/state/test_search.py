"""The query language: what it finds, and that every text is either a query or refused with the fields."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state.search import DATES, FLAGS, TEXTS, QueryRefused, described, parse, search

BUCKET = "urn:pulumi:dev::shop::my:index:Group$aws:s3/bucket:Bucket::Logs of the shop"
RESOURCES: list[dict[str, Any]] = [
    {"urn": BUCKET, "type": "aws:s3/bucket:Bucket", "id": "b-1", "custom": True, "protect": True}
    | {"created": "2026-03-01T10:00:00Z", "modified": "2026-03-05T10:00:00Z", "parent": "urn:p"},
    {"urn": "urn:pulumi:dev::shop::my:index:Group::logs", "type": "my:index:Group"},
    {"urn": "urn:pulumi:dev::shop::aws:sns/topic:Topic::events", "type": "aws:sns/topic:Topic", "id": "t-1"}
    | {"custom": True, "created": "2026-04-01T00:00:00Z", "modified": "2026-04-01T00:00:00Z", "delete": True},
]


def found(query: str) -> str:
    resources = [described(resource, "shop", "dev") for resource in RESOURCES]
    return " ".join(each["name"].split()[0].casefold() for each in search(resources, parse(query)))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "logs logs events"),
        ("type:aws:s3/bucket:Bucket", "logs"),
        ("LOGS", "logs logs"),
        ('name:"logs"', "logs"),
        ('name:"logs of the shop"', "logs"),
        ('-name:"logs" logs', "logs"),
        ("package:aws -module:s3", "events"),
        ("custom:true protected:false", "events"),
        ("delete:true", "events"),
        ("modified:2026-03-05", "logs"),
        ("modified:>=2026-03-05", "logs events"),
        ("modified:>2026-03-05", "events"),
        ("modified:<=2026-03-05", "logs"),
        ("created:<2026-03-02", "logs"),
        ("id:t-1 stack:dev project:shop", "events"),
        ("parent.urn:urn:p", "logs"),
        (f'"{BUCKET}"', "logs"),
        ("nothing", ""),
    ],
)
def test_terms_are_joined_by_and(query: str, names: str) -> None:
    assert found(query) == names


@pytest.mark.parametrize("query", ["bogus:x", "custom:maybe", '"open', 'name:"a"b'])
def test_what_is_no_query_is_refused_with_the_fields_that_there_are(query: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        parse(query)
    assert all(name in refused.value.hint for name in (*TEXTS, *FLAGS, *DATES))


@given(st.text(max_size=60) | st.text('ab:"- .>=<', max_size=20))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    try:
        terms = parse(text)
    except QueryRefused:
        return
    resources = [described(resource, "shop", "dev") for resource in RESOURCES]
    list(search(resources, terms))


@given(st.text(max_size=30))
def test_every_query_and_its_negation_find_everything_once(text: str) -> None:
    try:
        [term] = parse(text.replace("-", ""))
    except (QueryRefused, ValueError):
        return
    query = text.replace("-", "").strip()
    assert len(f"{found(query)} {found(f'-{query}')}".split()) == len(RESOURCES)
    assert not term.negated
