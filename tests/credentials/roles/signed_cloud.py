"""Clouds whose emulators keep their roles in `AssumedRoles`: one role, which trusts an account or tokens."""

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.identity import IdentityError, verify
from credentials.roles import BadRole, Reason, Role, Session, Source, SourceKind
from tests.credentials.identity.asking import secrets
from tests.credentials.roles.contract import NOBODY, Contract, RoleCloud, Way, assumed, refused
from tests.emulators.assumed_roles import AssumedRoles, CloudRole, CloudSession, IdentityProvider
from tests.emulators.metadata import metadata
from tests.emulators.oidc import Issuer
from tests.emulators.proxy import Handler
from tests.emulators.signing import Key, Ring

EXTERNAL_ID = "tic-0011223344556677"
LONGEST = 5400  # seconds
AUDIENCE, SUBJECT = "tic-in-the-cloud", "repo:example/site:ref:refs/heads/main"


class Emulator(Protocol):
    """What these emulators have beside their keys and their clock."""

    iam: AssumedRoles


class SignedCloud(RoleCloud):
    """`account`, `role` and `settings` are the role's."""

    account: ClassVar[str]
    role: ClassVar[str]
    settings: ClassVar[Mapping[str, str]] = {}
    token_file: ClassVar[str] = ""  # the variable that names a token's file
    identity_provider: ClassVar[str] = ""
    assuming: ClassVar[str] = "sts:AssumeRole"  # what a key may be denied

    def __init__(self, emulator: Any) -> None:
        self.emulator: Ring = emulator
        self.iam: AssumedRoles = emulator.iam
        self.key = next(iter(self.emulator.keys.values()))
        self.issuer = Issuer()
        self.token = ""
        self.iam.web[self.issuer.host] = self.issuer
        known = IdentityProvider(self.issuer.url, frozenset({AUDIENCE}))
        self.iam.identity_providers[self.identity_provider] = known
        self.kept = CloudRole(self.trusting(self.account), LONGEST)
        self.create_role()

    @abstractmethod
    def trusting(self, account: str) -> str:
        """A trust policy for this account, with the external id where there is one."""

    def trusting_tokens(self) -> str:
        """A trust policy for the issuer's tokens."""
        raise NotImplementedError

    def machine(self, session: CloudSession) -> Handler:
        """The metadata service of a machine that has these keys."""
        raise NotImplementedError

    @contextmanager
    def way(self, kind: SourceKind, folder: Path) -> Iterator[Way]:
        source = Source("credential", credential="cred-0123456789ab")
        role = Role(self.provider, self.role, EXTERNAL_ID, 3600, source, self.settings)
        if kind == "credential":
            fields = {"access-key": self.key.id, "secret-key": self.key.secret}
            yield Way(role, secrets(fields))
        elif kind == "oidc":
            self.attach(self.trusting_tokens())
            self.token = self.issuer.token(SUBJECT, AUDIENCE)
            path = str(self.issuer.written(folder / "token", self.token))
            yield Way(replace(role, source=Source("oidc", token_file=path)), None, {self.token_file: path})
        else:
            self.iam.roles["machine"] = CloudRole("{}")
            session = self.iam.begin("machine", self.account, "machine", 7200, None)
            with metadata(self.machine(session)) as service:
                yield Way(
                    replace(role, source=Source("metadata")),
                    None,
                    {f"TIC_METADATA_{self.provider.upper()}": service.address},
                )

    def attach(self, trust_policy: str) -> None:
        self.kept = replace(self.kept, trust=trust_policy)
        self.create_role()

    def delete_role(self) -> None:
        self.iam.roles.pop(self.role, None)

    def create_role(self) -> None:
        self.iam.roles[self.role] = self.kept

    def forget_trust(self) -> None:
        self.attach(self.trusting("999999999999"))

    def reject_source(self) -> None:
        self.emulator.keys[self.key.id] = replace(self.key, disabled=True)

    def set_clock(self, ahead: timedelta) -> None:
        self.emulator.now = lambda: datetime.now(UTC) + ahead

    def longest(self) -> int:
        return LONGEST

    def accepts(self, session: Session, purpose: str = "apply") -> bool:
        try:
            told = verify(self.provider, session.fields, timeout=5)
        except IdentityError:
            return False
        return f"{purpose}: " in told.detail.get("can", "")

    def session_names(self) -> list[str]:
        return [one.name for one in self.iam.sessions.values()]

    def secrets(self) -> list[str]:
        lent = [one.key for one in self.iam.sessions.values()]
        return [text for key in (self.key, *lent) for text in (key.secret, key.token) if text] + (
            [self.token] if self.token else []
        )


class SignedContract(Contract):
    """What holds for these besides."""

    def test_a_key_that_may_not_take_roles_on_is_told_so(self, cloud: SignedCloud, way: Way) -> None:
        cloud.emulator.keys[cloud.key.id] = replace(cloud.key, denied=frozenset({cloud.assuming}))
        error = refused(way)
        assert error.reason is Reason.DENIED
        assert cloud.role in str(error)

    def test_a_session_that_is_over_is_refused_whatever_signs_it(self, cloud: SignedCloud, way: Way) -> None:
        session = assumed(way)  # A10
        cloud.iam.later = timedelta(seconds=way.role.session_seconds - 5)
        assert cloud.accepts(session)
        cloud.iam.later = timedelta(seconds=way.role.session_seconds + 5)
        assert not cloud.accepts(session)

    def test_a_session_goes_with_its_token_alone(self, cloud: SignedCloud, way: Way) -> None:
        session = assumed(way)
        without = {name: value for name, value in session.fields.items() if not name.endswith("-token")}
        assert len(without) < len(session.fields)
        assert not cloud.accepts(replace(session, fields=without))

    def test_the_regions_setting_stands_in_the_session(self, cloud: SignedCloud, way: Way) -> None:
        region = {"region": "xx-north-9"}
        session = assumed(replace(way, role=replace(way.role, settings={**way.role.settings, **region})))
        assert session.fields["region"].reveal() == b"xx-north-9"
        given_with_the_key = replace(way, identity={**(way.identity or {}), **secrets(region)})
        assert assumed(given_with_the_key).fields["region"].reveal() == b"xx-north-9"

    def test_no_identity_is_no_source(self, cloud: SignedCloud, way: Way) -> None:
        assert refused(replace(way, identity=None)).reason is Reason.SOURCE_MISSING


class SilentContract(SignedContract):
    """For clouds that refuse a request for its time, and do not say what time it is."""

    @pytest.mark.parametrize(("hours", "said"), [(1, ""), (-1, "")])
    def test_a_clock_that_is_off_is_told_from_a_wrong_key(
        self, cloud: RoleCloud, way: Way, hours: int, said: str
    ) -> None:
        cloud.set_clock(timedelta(hours=hours))
        error = refused(way)
        assert error.reason is Reason.CLOCK_SKEW
        assert said in error.said
        assert "timedatectl" in error.hint


def check_any_text(module: Any) -> None:
    """A parser of roles says what it takes, or BadRole, whatever it is given."""

    @given(st.text())
    def check(text: str) -> None:
        with suppress(BadRole):
            assert module.checked_role(text) == text.strip()

    check()


def key(account: str) -> Key:
    """The key that takes the role on."""
    return Key("THEKEY", "cAnArY-sk-of-the-source", account, "alice")


def nothing(provider: str) -> dict[str, str]:
    """An environment in which nobody is at the metadata service's address."""
    return {f"TIC_METADATA_{provider.upper()}": NOBODY}


def dumped(**document: Any) -> str:
    """A policy document."""
    return json.dumps(document)
