"""How the deployments of a run that failed are told to stand."""

from engine.events import Diagnostic, Phase, Step
from engine.standings import Standing, standings, telling

STACK = "urn:pulumi:dev::shop::"


def urn(type_: str, name: str) -> str:
    return f"{STACK}{type_}::{name}"


def deployment(name: str) -> str:
    return urn("tic:deploy/directory:Directory", name)


def step(phase: Phase, operation: str, name: str = "one") -> Step:
    return Step(phase, operation, deployment(name))


def told(*steps: Step, errors: tuple[Diagnostic, ...] = (), meant: tuple[str, ...] = ()) -> list[Standing]:
    return standings({each.urn: each for each in steps}, errors, meant)


def test_each_deployment_is_told_those_that_failed_last_with_the_next_step() -> None:
    """E2."""
    said = Diagnostic("error", "no room — next: make some", deployment("b"))
    stand = told(
        step("failed", "update", "b"),
        step("done", "same", "a"),
        step("done", "create", "d"),
        errors=(said,),
        meant=(deployment("a"), deployment("c")),
    )
    assert [(each.name, each.state) for each in stand] == [
        ("a", "unchanged"),
        ("d", "created"),
        ("c", "not tried"),
        ("b", "failed"),
    ]
    assert (stand[-1].message, stand[-1].next) == ("no room", "make some")


def test_what_is_no_deployment_is_told_only_where_it_failed() -> None:
    record = Step("failed", "create", urn("aws:route53/record:Record", "www"))
    stand = told(record, Step("done", "create", urn("aws:s3/bucket:Bucket", "b")))
    assert [(each.name, each.message) for each in stand] == [("www", "its create failed")]


def test_what_was_begun_and_not_ended_is_cut_off() -> None:
    assert told(step("started", "update"))[0].state == "cut off"


def test_a_replacement_is_one_thing() -> None:
    assert told(step("done", "create-replacement"))[0].state == "replaced"


def test_of_two_steps_the_failed_one_tells_else_the_one_that_did_something() -> None:
    failed, same, done = step("failed", "update"), step("done", "same"), step("done", "create-replacement")
    started, deleted = step("started", "delete-replaced"), step("done", "delete-replaced")
    assert telling(None, started) is started
    assert telling(started, done) is done
    assert telling(same, done) is done
    assert telling(done, started) is done
    assert telling(done, deleted) is done
    assert telling(done, failed) is failed
    assert telling(failed, done) is failed
