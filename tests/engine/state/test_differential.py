"""The same programs and operations on Pulumi's file backend and on tic: the same states, step by step.

A case that differs is run again by its seed: `python -m tests.engine.state.differential SEED --shrink`.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.state.passphrase import Passphrase
from tests.engine.state.differential.comparing import differences
from tests.engine.state.differential.drawing import case
from tests.engine.state.differential.program import Declared, Options, Program
from tests.engine.state.differential.running import Bench, bench
from tests.engine.state.differential.shrinking import shrunk
from tests.engine.state.differential.sides import PHRASE, FileSide, Record, Seen, State
from tests.engine.state.differential.steps import Case, Edit, Run

SAMPLE = (2, 7, 9, 22, 40)
SOAK, AT_ONCE = range(1000, 1500), 50


@pytest.fixture
def both(tmp_path: Path, pulumi_command: Path) -> Iterator[Bench]:
    with bench(tmp_path, pulumi_command) as made:
        yield made


def run(both: Bench, seeds: Iterator[int] | range | tuple[int, ...]) -> dict[str, int]:
    """Run the cases of these seeds, and count what they did; one that differs fails the test."""
    counts = dict.fromkeys(("cases", "steps", "failed", "refused by the engine itself", "hung at first"), 0)
    for seed in seeds:
        result = both.run(case(seed))
        again = f"python -m tests.engine.state.differential {seed} --shrink"
        assert result.difference is None, f"seed {seed}: {result.difference}\nagain: {again}"
        counts["cases"] += 1
        counts["steps"] += result.steps
        counts["failed"] += result.failed
        counts["refused by the engine itself"] += bool(result.broken)
        counts["hung at first"] += bool(result.hung)
    return counts


@pytest.mark.server
@pytest.mark.parametrize("seed", SAMPLE)
def test_a_random_life_leaves_the_same_state_on_both_backends(both: Bench, seed: int) -> None:  # C1
    assert run(both, (seed,))["steps"] > 1


@pytest.mark.server
@pytest.mark.soak
@pytest.mark.parametrize("first", SOAK[::AT_ONCE])
def test_hundreds_of_random_lives_do(
    both: Bench, first: int, capsys: pytest.CaptureFixture[str]
) -> None:  # C1
    seeds = range(first, first + AT_ONCE)
    counts = run(both, seeds)
    with capsys.disabled():
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        print(f"\nseeds {seeds[0]} to {seeds[-1]}: {told}")  # noqa: T201


@pytest.mark.server
def test_a_stack_of_the_file_backend_is_made_as_pulumi_makes_it(tmp_path: Path, pulumi_command: Path) -> None:
    def files(side: FileSide) -> dict[str, Any]:
        found = [path for path in side.store.rglob("*") if path.suffix in (".json", ".yaml")]
        return {str(path.relative_to(side.store)): path.read_text() for path in found}

    sealed = Passphrase.new(PHRASE)
    made, own = (FileSide(tmp_path / name, pulumi_command, sealed) for name in ("made", "own"))
    try:
        code, _out, said = made.pulumi("stack", "init")
        assert code == 0, said
        own.make({}, {})
        theirs, ours = files(made), files(own)
        state = ".pulumi/stacks/proj/dev.json"
        theirs[state], ours[state] = (json.loads(each[state])["version"] for each in (theirs, ours))
        assert ours == theirs
    finally:
        made.close()
        own.close()


@pytest.mark.parametrize("seed", range(40))
def test_a_seed_is_a_case_and_its_programs_can_be_run(seed: int) -> None:
    drawn = case(seed)
    assert drawn == case(seed)
    for step in drawn.steps:
        if isinstance(step, Run):
            declared: set[str] = set()
            for each in step.program.declared:
                assert each.needs() <= declared, f"{each} needs what is not declared before it"
                declared.add(each.name)


RESOURCE = {"urn": "urn:pulumi:dev::proj::a:b:C::x", "type": "a:b:C", "custom": True, "id": "1"}


def seen(*resources: dict[str, Any], code: int = 0, **more: Any) -> Seen:
    return Seen(code, "", State({"resources": list(resources), **more}, 3, ()), None)


def test_what_has_to_differ_is_no_difference() -> None:
    provider = {"urn": "urn:pulumi:dev::proj::pulumi:providers:p::d", "type": "pulumi:providers:p"}
    both = [
        seen(
            {**provider, "id": f"id {n}", "created": f"{n}"},
            {**RESOURCE, "provider": f"{provider['urn']}::id {n}", "modified": f"{n}"},
            manifest={"time": f"{n}", "version": "v3"},
            secrets_providers={"type": f"{n}"},
        )
        for n in range(2)
    ]
    assert differences(*both, ordered=True) == []


@pytest.mark.parametrize(
    ("tic", "what"),
    [
        (seen({**RESOURCE, "protect": True}), "protect: nothing on the file backend, True on tic"),
        (seen(), "nothing on tic"),
        (seen(RESOURCE, code=1), "ended with 0, tic with 1"),
        (
            seen(RESOURCE, pending_operations=[{"type": "creating", "resource": RESOURCE}]),
            "pending_operations",
        ),
        (seen({**RESOURCE, "id": "2"}), "id"),
        (replace(seen(RESOURCE), state=State({"resources": [RESOURCE]}, 4, ("taint",))), "schema"),
        (replace(seen(RESOURCE), record=Record("update", "succeeded", {})), "history"),
    ],
)
def test_what_differs_is_told(tic: Seen, what: str) -> None:
    assert what in "\n".join(differences(seen(RESOURCE), tic, ordered=True))


def test_the_order_of_resources_is_told_where_there_is_one() -> None:
    other = {**RESOURCE, "urn": f"{RESOURCE['urn']}2"}
    both = seen(RESOURCE, other), seen(other, RESOURCE)
    assert "the order of resources" in "\n".join(differences(*both, ordered=True))
    assert differences(*both, ordered=False) == []


def test_a_case_is_shrunk_to_what_makes_the_difference() -> None:
    things = tuple(
        Declared(name, inputs={"key": 1, "value": 2}, options=Options(protect=True)) for name in "abcd"
    )
    program = Program(things, {"x": 1})
    large = Case((Run("up", program), Edit(("x",)), Run("refresh", program, ("--target", "**::a"))))

    def differs(one: Case) -> bool:
        runs = [step for step in one.steps if isinstance(step, Run)]
        found = {each.name: each for step in runs for each in step.program.declared}
        return "c" in found and found["c"].options.protect is True

    small = shrunk(large, differs, tries=1000)
    assert small == Case((Run("up", Program((Declared("c", options=Options(protect=True)),))),))
