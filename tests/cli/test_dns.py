"""`tic dns`: what is still published, and withdrawing it by hand."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from engine.challenge_notes import Author, leave, write
from engine.database import Database
from engine.home import Home
from engine.state import stacks
from engine.state.owner import this_process
from stacks.dns.publisher import Record
from stacks.dns.record import Challenge
from stacks.dns.zones import place_at
from tests.cli.command import Tic, anything, refusal
from tests.engine.dns_world import NAME, value
from tests.stacks.dns.answering import answering, response
from tests.stacks.dns.provider_programs import Webhook, webhook


@contextmanager
def published(tic: Tic, *, left: bool = True) -> Iterator[Webhook]:
    """A record of the stack site/dev at a webhook; `left`: its run has ended."""
    with webhook() as hook, answering(lambda query: response(query, *at(query.name, hook.records))) as names:
        tic("creds", "new", "hook", "--provider", "httpreq", "--field", f"endpoint={hook.url}")
        credential = json.loads(tic("creds", "list", "--json").out)[0]["token"]
        database = Database.open(Home(tic.home, tic.home / "cache"))
        with database.write() as connection:
            stack = stacks.create(connection, "site", "dev")
            author = Author(stack.id, stack.full_name, credential, "httpreq", this_process())
            record = Record(Challenge("example.test", "one", "one.thumbprint"), NAME)
            note_id = write(connection, author, record, place_at(NAME, [names.address]), (), 1000.0)
            if left:
                leave(connection, note_id, "the run was killed")
        database.close()
        hook.records[NAME] = {value()}
        yield hook


def at(name: str, records: Mapping[str, set[str]]) -> list[str]:
    return [f'{name}. TXT "{each}"' for each in records.get(name, set())]


def test_nothing_published_is_an_empty_list(tic: Tic) -> None:
    said = tic("dns", "records")
    assert (said.code, said.out, said.err) == (0, "", "no challenge record is published\n")
    assert json.loads(tic("dns", "records", "--json").out) == []
    said = tic("dns", "clean")
    assert (said.code, said.out, said.err) == (0, "", "nothing was left published\n")
    assert json.loads(tic("dns", "clean", "--json").out) == []


def test_what_a_run_left_is_listed_and_withdrawn(tic: Tic) -> None:  # D1
    with published(tic) as hook:
        listed = tic("dns", "records")
        assert listed.out == f"{NAME}  {value()}  httpreq  site/dev  left: tic dns clean\n"
        assert "the run was killed" in listed.err
        cleaned = tic("dns", "clean")
        assert (cleaned.code, cleaned.err) == (0, "")
        assert cleaned.out == f"withdrew the TXT record {NAME} that a run of site/dev left\n"
        assert hook.records[NAME] == set()
    assert json.loads(tic("dns", "records", "--json").out) == []


def test_the_list_in_json_says_where_the_record_is_and_whose_it_is(tic: Tic) -> None:
    with published(tic):
        (record,) = json.loads(tic("dns", "records", "--json").out)
    assert record == anything(
        name=NAME, value=value(), zone="example.test", provider="httpreq", stack="site/dev", left=True
    )
    assert record["credential"].startswith("tic_")


def test_a_record_that_a_run_holds_is_listed_and_left_alone(tic: Tic) -> None:
    with published(tic, left=False) as hook:
        assert tic("dns", "records").out.endswith("  a run holds it\n")
        assert tic("dns", "clean").err == "nothing was left published\n"
        assert hook.records[NAME] == {value()}


def test_what_can_not_be_withdrawn_is_named_and_the_command_fails(tic: Tic) -> None:
    with published(tic) as hook:
        hook.fail = "closed on sundays"
        said = tic("dns", "clean", "site/dev")
        assert said.code == 1
        assert said.out == ""
        assert "closed on sundays" in said.err
        assert said.err.endswith(
            "error: 1 of 1 records could not be withdrawn\n  next: see them: tic dns records\n"
        )
        (told,) = json.loads(tic("dns", "clean", "--json").out)
        assert told == anything(withdrawn=False)


@pytest.mark.parametrize("stack", ["dev", "site/dev"])
def test_one_stack_can_be_cleaned(tic: Tic, stack: str) -> None:
    with published(tic) as hook:
        assert tic("dns", "clean", stack).code == 0
        assert hook.records[NAME] == set()


def test_a_stack_that_is_not_there_is_told(tic: Tic) -> None:
    said = tic("dns", "clean", "nothing")
    assert said.code == 4
    assert "there is no stack 'nothing'" in refusal(said)[0]


def test_without_a_vault_the_next_step_is_told(fresh: Tic) -> None:
    said = fresh("dns", "records")
    assert said.code == 5
    assert refusal(said)[1] == "make one: tic vault init"
