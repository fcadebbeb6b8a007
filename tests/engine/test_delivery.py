"""Private files: closed to others, gone afterwards however their process ended, at paths that stay."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from credentials.kinds.delivery import DeliveredFile
from credentials.secret import SecretBytes
from engine import delivery
from engine.home import Home
from engine.leftovers import private_folder, sweep

KUBECONFIG = DeliveredFile("kubeconfig", SecretBytes(b"the content"), ("KUBECONFIG", "KUBE_CONFIG_PATH"))
DOCKER = DeliveredFile("config.json", SecretBytes(b"{}"), ("DOCKER_CONFIG",), folder=True)

HOLDER = """
import os, sys
from pathlib import Path
from engine import delivery
from engine.home import Home
with delivery.command_folder(Home(Path(sys.argv[1]), Path(sys.argv[1])), os.environ) as folder:
    (folder / "secret").write_text("left")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home", tmp_path / "cache")
    made.make()
    return made


@pytest.fixture
def runtime(tmp_path: Path) -> dict[str, str]:
    """An environment with a private XDG_RUNTIME_DIR."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    return {"XDG_RUNTIME_DIR": str(folder)}


def modes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)), format(stat.S_IMODE(path.stat().st_mode), "o")


def test_files_are_private_and_their_paths_depend_on_the_variables_alone(tmp_path: Path) -> None:
    """B6."""
    before = os.umask(0)
    try:
        paths = delivery.write(tmp_path, [KUBECONFIG, DOCKER])
    finally:
        os.umask(before)
    assert paths == {
        "KUBECONFIG": f"{tmp_path}/kubeconfig/kubeconfig",
        "KUBE_CONFIG_PATH": f"{tmp_path}/kubeconfig/kubeconfig",
        "DOCKER_CONFIG": f"{tmp_path}/docker_config",
    }
    assert dict(modes(tmp_path)) == {
        "docker_config": "700",
        "docker_config/config.json": "600",
        "kubeconfig": "700",
        "kubeconfig/kubeconfig": "600",
    }
    assert Path(paths["KUBECONFIG"]).read_bytes() == b"the content"


def test_a_commands_folder_is_in_the_users_runtime_folder_and_gone_afterwards(
    home: Home, runtime: dict[str, str]
) -> None:
    with delivery.command_folder(home, runtime) as folder:
        assert folder.is_relative_to(Path(runtime["XDG_RUNTIME_DIR"]) / "tic")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "secret").write_text("x")
    assert not folder.exists()


def test_it_goes_when_what_it_is_for_fails(home: Home, runtime: dict[str, str]) -> None:
    with pytest.raises(KeyboardInterrupt), delivery.command_folder(home, runtime) as folder:
        raise KeyboardInterrupt
    assert not folder.exists()


@pytest.mark.parametrize("spoiled", ["open to others", "not there", "a link", "relative"])
def test_a_runtime_folder_that_is_not_private_is_not_used(
    home: Home, runtime: dict[str, str], spoiled: str, tmp_path: Path
) -> None:
    folder = Path(runtime["XDG_RUNTIME_DIR"])
    if spoiled == "open to others":
        folder.chmod(0o755)
    elif spoiled == "not there":
        folder.rmdir()
    elif spoiled == "a link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        runtime = {"XDG_RUNTIME_DIR": "runtime"}
    with delivery.command_folder(home, runtime) as made:
        assert not made.is_relative_to(tmp_path / "runtime")
        assert not made.is_relative_to(tmp_path / "elsewhere")
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_somebody_elses_folder_in_shared_memory_is_not_used(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shm"
    shared.mkdir()
    monkeypatch.setattr(delivery, "SHARED_MEMORY", shared)
    with delivery.command_folder(home, {}) as folder:
        assert folder.is_relative_to(home.root)  # no tmpfs is mounted at this one
    (shared / f"tic-{os.geteuid()}").mkdir(mode=0o755)
    assert list(delivery._made(shared / f"tic-{os.geteuid()}")) == []


def test_what_a_killed_command_left_is_swept_and_a_living_ones_is_not(
    home: Home, runtime: dict[str, str]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.root)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **runtime},
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        delivery.sweep(home, runtime)
        assert (folder / "secret").exists()
        holder.kill()
        holder.wait()
        assert (folder / "secret").exists()
        delivery.sweep(home, runtime)
        assert not folder.exists()


def test_a_runs_own_sweep_takes_what_commands_left_too(
    home: Home, runtime: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime["XDG_RUNTIME_DIR"])
    left = Path(runtime["XDG_RUNTIME_DIR"]) / "tic" / "command.left"
    left.mkdir(parents=True)
    left.parent.chmod(0o700)
    sweep(home)
    assert not left.exists()


def test_a_runs_files_are_at_the_same_paths_in_each_run_and_gone_in_between(home: Home) -> None:
    """C2. Pulumi's Kubernetes provider reads the file at the path of the run before."""
    seen = []
    for _ in range(2):
        with (
            private_folder(home) as private,
            delivery.run_files(home, private, 7, [KUBECONFIG, DOCKER]) as paths,
        ):
            assert Path(paths["KUBECONFIG"]).read_bytes() == b"the content"
            assert (Path(paths["DOCKER_CONFIG"]) / "config.json").exists()
            assert Path(paths["KUBECONFIG"]).resolve().is_relative_to(private.resolve())
            seen.append(paths)
        assert not Path(paths["KUBECONFIG"]).exists()
        assert list((home.root / "run").iterdir()) == []
    assert seen[0] == seen[1]


def test_a_run_beside_another_of_the_same_stack_does_not_take_its_files_away(home: Home) -> None:
    with private_folder(home) as one, delivery.run_files(home, one, 7, [KUBECONFIG]) as paths:
        with private_folder(home) as two, delivery.run_files(home, two, 7, [KUBECONFIG]) as same:
            assert same == paths
            assert Path(paths["KUBECONFIG"]).resolve().is_relative_to(two.resolve())
        assert Path(paths["KUBECONFIG"]).resolve().is_relative_to(one.resolve())
        assert Path(paths["KUBECONFIG"]).read_bytes() == b"the content"


def test_a_run_without_files_makes_none(home: Home) -> None:
    with private_folder(home) as private, delivery.run_files(home, private, 7, []) as paths:
        assert paths == {}
        assert list(private.iterdir()) == []


def test_a_link_that_a_killed_run_left_is_taken_over(home: Home) -> None:
    with private_folder(home) as gone, delivery.run_files(home, gone, 7, [KUBECONFIG]):
        left = (home.root / "run" / "files.7").readlink()
    (home.root / "run" / "files.7").symlink_to(left)
    sweep(home)
    with private_folder(home) as private, delivery.run_files(home, private, 7, [KUBECONFIG]) as paths:
        assert Path(paths["KUBECONFIG"]).read_bytes() == b"the content"
