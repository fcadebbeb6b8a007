"""Pulumi's engine events, read into what tic shows."""

from engine import events
from engine.events import Diagnostic, Step, Summary

URN = "urn:pulumi:s::p::tic:a/b:Component$tic:acme/order:Order::name::with::colons"


def test_a_step_knows_its_resources_name_and_type() -> None:
    read = events.read({"resourcePreEvent": {"metadata": {"op": "update", "urn": URN, "diffs": ["b", "a"]}}})
    assert read == Step("started", "update", URN, ("a", "b"))
    assert isinstance(read, Step)
    assert read.type == "tic:acme/order:Order"


def test_outputs_and_failures_end_a_step() -> None:
    metadata = {"metadata": {"op": "create", "urn": URN}}
    assert events.read({"resOutputsEvent": metadata}) == Step("done", "create", URN)
    assert events.read({"resOpFailedEvent": metadata}) == Step("failed", "create", URN)


def test_a_message_loses_its_colours() -> None:
    message = "<{%fg 1%}>red<{%reset%}> and plain"
    body = {"severity": "error", "message": message, "urn": URN}
    assert events.read({"diagnosticEvent": body}) == Diagnostic("error", "red and plain", URN)


def test_a_list_of_one_error_is_that_error() -> None:
    body = {"severity": "error", "message": "1 error occurred:\n\t* it is full\n\n", "urn": URN}
    assert events.read({"diagnosticEvent": body}) == Diagnostic("error", "it is full", URN)


def test_an_unclosed_colour_is_only_text() -> None:
    assert events.read({"diagnosticEvent": {"message": "<{%fg"}}) == Diagnostic("info", "<{%fg", "")


def test_what_tic_arranged_itself_and_what_does_not_last_is_not_shown() -> None:
    for program in ("pulumi-resource-tic", "pulumi-language-yaml"):
        own = {"severity": "warning", "message": f"using {program} from $PATH at /x"}
        assert events.read({"diagnosticEvent": own}) is None
    assert events.read({"diagnosticEvent": {"message": "x", "ephemeral": True}}) is None
    assert events.read({"preludeEvent": {}}) is None


def test_the_summary_counts() -> None:
    read = events.read({"summaryEvent": {"resourceChanges": {"same": 2}, "durationSeconds": 3}})
    assert read == Summary({"same": 2}, 3)


def test_an_echo_is_an_error_that_only_says_that_another_one_happened() -> None:
    assert events.is_echo(Diagnostic("error", "update failed", ""))
    assert events.is_echo(Diagnostic("error", "resource x: grpc: the client connection is closing", ""))
    assert not events.is_echo(Diagnostic("error", "the CA refused", ""))
    assert not events.is_echo(Diagnostic("warning", "update failed", ""))
