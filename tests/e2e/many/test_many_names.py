"""One stack, many certificates: at once where the provider lets them be, one by one where it does not."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.e2e.many.world import Many, many
from tests.e2e.test_secrets import places

pytestmark = pytest.mark.server


@contextmanager
def most_at_once(made: Many, host_part: str) -> Iterator[list[int]]:
    """How many names with this in them had a record at the same time, looked at as often as possible."""
    ended, most = Event(), [0]

    def look() -> None:
        while not ended.wait(0.05):
            most[0] = max(most[0], sum(host_part in name for name in made.bind.every_txt()))

    watcher = Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        ended.set()
        watcher.join()


def account_key(made: Many) -> bytes:
    """A line of the private key of the stack's only account, which all its certificates share."""
    state = made.tic("stack", "export-state", "many/dev", "--show-secrets", "--yes").json()
    resources = state["deployment"]["resources"]
    (account,) = (each for each in resources if each["type"] == "tic:acme/account:Account")
    pem: str = json.loads(account["outputs"]["privateKeyPem"]["plaintext"])
    line = pem.splitlines()[1]
    assert len(line) > 40
    return line.encode()


def test_twelve_names_in_four_zones_over_three_credentials(tmp_path: Path) -> None:  # D1, D2
    with many(tmp_path, 12, 4, programs=1) as made:
        made.bind_keys()
        log = made.bind_program()
        with most_at_once(made, "zone0") as side_by_side:
            made.tic("stack", "up", "many/dev")
        assert side_by_side[0] > 1
        assert set(made.serials()) == {name for name, _ in made.names}
        assert len(set(made.serials().values())) == 12
        assert made.bind.every_txt() == {}

        calls = [line.split() for line in log.read_text().splitlines()]
        assert [action for action, _ in calls] == ["present", "cleanup"] * 3  # never two at once
        assert all(one[1] == next_[1] for one, next_ in zip(calls[::2], calls[1::2], strict=True))
        key = account_key(made)
        assert [place for place, text in places(made.tic.home, made.folder) if key in text] == []  # C2, E4
        sealed = made.tic("stack", "export-state", "many/dev").out  # what the database has, unpacked
        assert "privateKeyPem" in sealed
        assert key not in sealed.encode()


@pytest.mark.soak
def test_a_hundred_names_in_twenty_zones_over_three_credentials(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # D1, D2
    with many(tmp_path, 100, 20) as made:
        made.bind_keys()
        began = time.monotonic()
        made.tic("stack", "up", "many/dev")
        seconds = time.monotonic() - began
        serials = made.serials()
        again = made.tic("stack", "up", "many/dev").err
        assert "create" not in again
        assert made.serials() == serials
        assert made.bind.every_txt() == {}
        assert len(set(serials.values())) == 100
        made.tic("stack", "destroy", "many/dev", "--yes")
        assert made.bind.every_txt() == {}
    with capsys.disabled():
        print(f"\n100 certificates in 20 zones over 3 credentials: {seconds:.1f} s; 0 records left")  # noqa: T201
