"""A certificate in a folder: checked before it is written, seen when it drifts, touching no other file."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from stacks.errors import StackError
from stacks.provider.deploy.directory import Directory
from stacks.provider.properties import Change
from stacks.provider.run import Operation, Run
from stacks.provider.values import UNKNOWN
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.driver import Ear, State

DIRECTORY = Directory()
FILES = {"cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"}


class Runs:
    """Each act in a run of its own, as each `tic stack up` is."""

    def __init__(self) -> None:
        self.ear = Ear()

    def operation(self) -> Operation:
        return Operation.begin(Run({}, self.ear), "urn:test")

    def create(self, **inputs: Any) -> State:
        checked = DIRECTORY.check(inputs)
        assert checked.failures == []
        return {**checked.inputs, **DIRECTORY.create(self.operation(), checked.inputs).outputs}

    def update(self, state: State, **inputs: Any) -> State:
        checked = DIRECTORY.check(inputs)
        assert checked.failures == []
        return {**checked.inputs, **DIRECTORY.update(self.operation(), state, checked.inputs)}

    def diff(self, state: State, **inputs: Any) -> dict[str, Change]:
        return DIRECTORY.diff(self.operation(), state, DIRECTORY.check(inputs).inputs, ())

    def read(self, state: State) -> State | None:
        outputs = DIRECTORY.read(self.operation(), state)
        return None if outputs is None else {**state, **outputs}

    def delete(self, state: State) -> None:
        DIRECTORY.delete(self.operation(), state)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def made() -> Chain:
    return chain("a.test")


def given(made: Chain, path: Path, **more: Any) -> State:
    return {
        "path": str(path),
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "privateKeyPem": made.key,
        **more,
    }


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_everything_a_server_needs_is_written_and_the_key_is_private(
    runs: Runs, made: Chain, folder: Path
) -> None:
    """E2, E4."""
    state = runs.create(**given(made, folder))
    assert names(folder) == FILES
    assert (folder / "fullchain.pem").read_text() == made.certificate + made.intermediate
    assert (folder / "privkey.pem").read_text() == made.key
    assert stat.S_IMODE((folder / "privkey.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "cert.pem").stat().st_mode) == 0o644
    assert state["serial"] == "1234"
    outputs = {each.name for each in Directory.outputs}
    assert made.key not in str({key: value for key, value in state.items() if key in outputs})


def test_names_and_modes_can_be_chosen(runs: Runs, made: Chain, folder: Path) -> None:
    runs.create(
        **given(
            made,
            folder,
            privateKeyFile="tls.key",
            fullchainFile="tls.crt",
            privateKeyMode="640",
            fileMode="0o640",
        )
    )
    assert names(folder) == {"cert.pem", "chain.pem", "tls.crt", "tls.key"}
    assert stat.S_IMODE((folder / "tls.key").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("inputs", "path", "reason"),
    [
        ({"path": "deployed"}, "path", "absolute"),
        ({"certificateFile": "../cert.pem"}, "certificateFile", "plain file name"),
        ({"chainFile": ".chain"}, "chainFile", "dot"),
        ({"chainFile": "a/b"}, "chainFile", "plain"),
        ({"privateKeyPem": "canary"}, "privateKeyPem", "PEM text of a private key"),
        ({"privateKeyFile": "cert.pem"}, "privateKeyFile", "same name as certificateFile"),
        ({"privateKeyMode": "0644"}, "privateKeyMode", "closed to others"),
        ({"privateKeyMode": "0660"}, "privateKeyMode", "nobody else write"),
        ({"fileMode": "0777"}, "fileMode", "nobody execute"),
        ({"privateKeyMode": "4600"}, "privateKeyMode", "nobody execute"),
        ({"fileMode": "7777777777777777777777600"}, "fileMode", "nobody execute"),
        ({"path": "/a\0b"}, "path", "NUL"),
        ({"fileMode": "rw"}, "fileMode", "octal"),
        ({"fileMode": "0044"}, "fileMode", "owner read"),
    ],
)
def test_what_would_be_unsafe_is_refused(made: Chain, inputs: State, path: str, reason: str) -> None:
    failures = DIRECTORY.check({**given(made, Path("/deployed")), **inputs}).failures
    assert [each.path for each in failures] == [path]
    assert reason in failures[0].reason


def test_what_does_not_belong_together_is_not_written(runs: Runs, made: Chain, folder: Path) -> None:
    """E2: checked before it is sent."""
    other = chain("a.test")
    wrong = (
        {"privateKeyPem": other.key},
        {"chainPem": other.intermediate},
        {"chainPem": made.root + made.intermediate},
        {"certificatePem": made.certificate + made.intermediate},
        {"certificatePem": "nothing"},
        {"privateKeyPem": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"},
    )
    for each in wrong:
        with pytest.raises(StackError, match="nothing was sent to") as refused:
            runs.create(**given(made, folder, **each))
        assert "canary" not in str(refused.value)
        assert not folder.exists()


def test_a_folder_that_can_not_be_is_told(runs: Runs, made: Chain, folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(StackError, match="File exists") as refused:
        runs.create(**given(made, folder))
    assert str(folder) in refused.value.hint


def test_a_new_certificate_replaces_the_files_in_place(runs: Runs, made: Chain, folder: Path) -> None:
    """E2."""
    state = runs.create(**given(made, folder))
    renewed = chain("a.test", serial=0x5678)
    assert set(runs.diff(state, **given(renewed, folder)).values()) == {Change.UPDATE}
    updated = runs.update(state, **given(renewed, folder))
    assert updated["serial"] == "5678"
    assert (folder / "cert.pem").read_text() == renewed.certificate
    assert names(folder) == FILES
    assert runs.diff(updated, **given(renewed, folder)) == {}


def test_drift_is_seen_by_a_refresh_and_mended_by_the_next_run(runs: Runs, made: Chain, folder: Path) -> None:
    state = runs.create(**given(made, folder))
    (folder / "cert.pem").write_text("changed")
    (folder / "chain.pem").unlink()
    (folder / "privkey.pem").chmod(0o644)
    assert runs.diff(state, **given(made, folder)) == {}
    seen = runs.read(state)
    assert seen is not None
    assert seen["drift"] == ["cert.pem", "chain.pem", "privkey.pem"]
    assert runs.diff(seen, **given(made, folder)) == {"drift": Change.UPDATE}
    mended = runs.update(seen, **given(made, folder))
    assert (folder / "cert.pem").read_text() == made.certificate
    assert stat.S_IMODE((folder / "privkey.pem").stat().st_mode) == 0o600
    assert runs.diff(mended, **given(made, folder)) == {}
    again = runs.read(mended)
    assert again is not None
    assert not again.get("drift")


def test_files_that_are_all_lost_are_gone_and_come_back(runs: Runs, made: Chain, folder: Path) -> None:
    state = runs.create(**given(made, folder))
    for path in folder.iterdir():
        path.unlink()
    assert runs.read(state) is None


def test_only_what_was_written_and_is_still_the_same_is_removed(
    runs: Runs, made: Chain, folder: Path
) -> None:
    """E2: destroy removes what the stack put there, and nothing else."""
    state = runs.create(**given(made, folder))
    (folder / "cert.pem").write_text("somebody else's")
    (folder / "notes").write_text("mine")
    runs.delete(state)
    assert names(folder) == {"cert.pem", "notes"}
    assert "cert.pem" in runs.ear.warned[0]
    runs.delete(state)


def test_the_folder_goes_with_the_last_file_if_it_was_made_here(
    runs: Runs, made: Chain, folder: Path
) -> None:
    runs.delete(runs.create(**given(made, folder)))
    assert not folder.exists()
    folder.mkdir()
    runs.delete(runs.create(**given(made, folder)))
    assert folder.exists()


def test_another_folder_or_name_is_written_before_the_old_one_is_removed(
    runs: Runs, made: Chain, folder: Path
) -> None:
    state = runs.create(**given(made, folder))
    moved = runs.update(state, **given(made, folder.with_name("other")))
    assert not folder.exists()
    renamed = runs.update(moved, **given(made, folder.with_name("other"), certificateFile="tls.crt"))
    assert names(folder.with_name("other")) == (FILES - {"cert.pem"}) | {"tls.crt"}
    assert renamed["madeFolder"] is True
    runs.delete(renamed)
    assert not folder.with_name("other").exists()


def test_what_this_run_wrote_is_not_removed_by_the_same_run(runs: Runs, made: Chain, folder: Path) -> None:
    """A replacement that Pulumi forces deletes the old one after it made the new one in its place."""
    state = runs.create(**given(made, folder))
    operation = runs.operation()
    inputs = DIRECTORY.check(given(made, folder)).inputs
    DIRECTORY.create(operation, inputs)
    DIRECTORY.delete(operation, state)
    assert names(folder) == FILES


def test_a_preview_knows_what_is_known(made: Chain, folder: Path, runs: Runs) -> None:
    state = runs.create(**given(made, folder))
    known = DIRECTORY.preview_update(
        {**state, "drift": ["cert.pem"]}, DIRECTORY.check(given(made, folder)).inputs
    )
    assert known["serial"] == "1234"
    assert known["drift"] is None
    unknown = DIRECTORY.preview_update(state, {**state, "certificatePem": UNKNOWN})
    assert unknown["serial"] is UNKNOWN


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_told(runs: Runs, made: Chain, folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(StackError, match="Permission denied"):
        runs.create(**given(made, folder))


def test_a_certificate_for_a_request_of_the_users_own_is_placed_beside_the_key_that_is_there(
    runs: Runs, made: Chain, folder: Path
) -> None:
    """E4. The key never leaves its owner, and what the owner put there is left alone, to the end."""
    folder.mkdir()
    (folder / "privkey.pem").write_text("the owner's")
    public = {"path": str(folder), "certificatePem": made.certificate, "chainPem": made.intermediate}
    state = runs.create(**public)
    assert set(state["files"]) == FILES - {"privkey.pem"}
    assert (folder / "fullchain.pem").read_text() == made.certificate + made.intermediate
    again = chain("a.test")
    renewed = {**public, "certificatePem": again.certificate, "chainPem": again.intermediate}
    state = runs.update(state, **renewed)
    assert runs.read(state) == state
    runs.delete(state)
    assert {each.name for each in folder.iterdir()} == {"privkey.pem"}
    assert (folder / "privkey.pem").read_text() == "the owner's"


def test_a_key_that_was_deployed_goes_where_a_request_of_the_users_own_takes_its_place(
    runs: Runs, made: Chain, folder: Path
) -> None:
    whole = {
        "path": str(folder),
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "privateKeyPem": made.key,
    }
    state = runs.create(**whole)
    own = chain("a.test")
    public = {"path": str(folder), "certificatePem": own.certificate, "chainPem": own.intermediate}
    runs.update(state, **public)
    assert {each.name for each in folder.iterdir()} == FILES - {"privkey.pem"}
