"""The table of Active, Ready and roles, row by row."""

from collections.abc import Sequence

import pytest

from credentials.credential import Credential, RoleState, State
from credentials.rules import (
    CredentialInUse,
    CredentialIsActive,
    RoleServesProvider,
    may_create,
    may_delete,
    state_of_new,
)

ON, OFF = RoleState.ENABLED, RoleState.DISABLED


def credential(state: State) -> Credential:
    return Credential(1, "tic_x", "prod", "aws", state, 1, 0.0, 0.0, None, None)


@pytest.mark.parametrize(
    ("role", "used_by", "state", "refusal"),
    [  # A8
        (ON, [], State.ACTIVE, None),
        (ON, [], State.READY, None),
        (ON, ["p/s"], State.ACTIVE, None),
        (ON, ["p/s"], State.READY, None),
        (OFF, ["p/s"], State.ACTIVE, CredentialInUse),
        (OFF, ["p/s"], State.READY, CredentialInUse),
        (OFF, [], State.ACTIVE, CredentialIsActive),
        (OFF, [], State.READY, None),
    ],
)
def test_who_may_be_deleted(
    role: RoleState, used_by: Sequence[str], state: State, refusal: type[Exception] | None
) -> None:
    if refusal is None:
        may_delete(credential(state), role=role, used_by=used_by)
        return
    with pytest.raises(refusal):
        may_delete(credential(state), role=role, used_by=used_by)


def test_a_refusal_names_the_stacks_and_says_to_destroy_them() -> None:  # A8
    with pytest.raises(CredentialInUse) as refused:
        may_delete(credential(State.READY), role=OFF, used_by=["web/site", "web/api"])
    assert "web/site, web/api use it" in str(refused.value)
    assert refused.value.hint == (
        "destroy the stack first: tic stack destroy web/site; or move it to another credential: "
        "tic stack bind web/site OTHER (in a slot: --as SLOT)"
    )
    assert refused.value.exit_code == 3


def test_an_active_one_says_who_could_take_its_place() -> None:  # A8
    with pytest.raises(CredentialIsActive) as refused:
        may_delete(credential(State.ACTIVE), role=OFF, used_by=[], ready=["next"])
    assert refused.value.hint.endswith("tic creds activate next")
    with pytest.raises(CredentialIsActive) as refused:
        may_delete(credential(State.ACTIVE), role=OFF, used_by=[])
    assert refused.value.hint.endswith("tic creds new NAME --provider aws")


def test_with_a_role_nothing_new_is_made() -> None:  # A6
    may_create("aws", role=OFF)
    with pytest.raises(RoleServesProvider, match="role of aws is enabled") as refused:
        may_create("aws", role=ON)
    assert refused.value.exit_code == 3


def test_the_first_is_active_and_later_ones_are_ready() -> None:  # B2
    assert state_of_new(None) is State.ACTIVE
    assert state_of_new(credential(State.ACTIVE)) is State.READY
