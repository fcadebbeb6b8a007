"""The certificates, CAs and mishaps of a simulated year, drawn from a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.certificates.kept import Kept, Standing
from engine.certificates.limits.limit import Authority, Counts, Limit, Per
from engine.certificates.listing import Listed
from engine.certificates.schedule import due_at
from stacks.provider.acme.epoch import Held
from tests.engine.certificates.year.authorities import DAY, Allowance, Ca, Rules

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
GOOGLE = "https://dv.acme-v02.api.pki.goog/directory"
STRICT = "https://strict.example/directory"
LIFETIMES = (timedelta(days=90), timedelta(days=47), timedelta(days=6))
OF_LIFETIME = (0.5, 0.35, 0.15)
OUTAGE = timedelta(days=7)
RECALLED_ON = 200
RECALL_LASTS = timedelta(days=5)  # from the word of the CA to the revocation
ACCOUNTS = 4  # at each CA
OF_A_DOMAIN = 40  # certificates


@dataclass(frozen=True, slots=True)
class Mishaps:
    """How often something goes wrong: of orders, of deployments, of runs."""

    server: float = 0.005
    busy: float = 0.002
    dns: float = 0.02
    deployment: float = 0.01
    taken: float = 0.01  # the stack is busy with something else
    killed: float = 0.005


def strict() -> Authority:
    """A CA that exempts nothing, in the form in which tic knows the limits of CAs."""
    orders = Limit("orders", "orders per account", Counts.ORDERS, Per.ACCOUNT, 40, 400.0, "orders")
    domain = Limit(
        "domain",
        "certificates per registered domain",
        Counts.CERTIFICATES,
        Per.REGISTERED_DOMAIN,
        60,
        3600.0,
        "domain",
    )
    same = Limit("set", "certificates per exact set", Counts.CERTIFICATES, Per.EXACT_SET, 3, 172_800.0, "set")
    failures = Limit("failures", "failed validations", Counts.FAILURES, Per.IDENTIFIER, 5, 720.0, "failed")
    return Authority("strict", "the strict CA", STRICT, "2026-01-01", False, (orders, domain, same, failures))


def authorities() -> dict[str, Ca]:
    """Three CAs, each of which is gone for a week at another time; the figures of Let's Encrypt are those of
    https://letsencrypt.org/docs/rate-limits/, written down here once more.
    """
    failures = Allowance(5, 720)
    lets_encrypt = Rules(
        Allowance(300, 36, exempts_renewals=True),
        Allowance(50, 12_120, exempts_renewals=True),
        Allowance(5, 122_400),
        failures,
        exempts_replacements=True,
    )
    strict_rules = Rules(Allowance(40, 400), Allowance(60, 3600), Allowance(3, 172_800), failures)
    found = (
        Ca(LETS_ENCRYPT, lets_encrypt, renewal_info=True, outages=_week(100)),
        Ca(GOOGLE, Rules(), renewal_info=True, outages=_week(250)),
        Ca(STRICT, strict_rules, renewal_info=False, outages=_week(320)),
    )
    return {each.directory: each for each in found}


def certificates(number: int, rng: random.Random, cas: dict[str, Ca]) -> list[Listed]:
    """So many of them, in all stages of their lives; a third were issued in the same hours."""
    stacks = max(3, number // 150)
    return [_certificate(each, stacks, number, rng, cas) for each in range(number)]


def account(directory: str, number: int) -> str:
    """The account that orders the certificate `number` at a CA."""
    return f"{directory}/account/{number % ACCOUNTS}"


def domain(number: int) -> str:
    """The registered domain of a certificate."""
    return f"d{number // OF_A_DOMAIN}.example"


def _certificate(number: int, stacks: int, of: int, rng: random.Random, cas: dict[str, Ca]) -> Listed:
    (lifetime,) = rng.choices(LIFETIMES, OF_LIFETIME)
    (directory,) = rng.choices((LETS_ENCRYPT, GOOGLE, STRICT), (0.5, 0.3, 0.2))
    ca = cas[directory]
    # What lives no longer than an outage can only be saved by another CA.
    short = lifetime < OUTAGE * 3
    others: Sequence[str] = [each for each in cas if each != directory] if short or number % 4 == 0 else ()
    bulk = rng.random() < 1 / 3
    age = lifetime * 0.3 - timedelta(hours=rng.random() * 3) if bulk else lifetime * rng.random() * 0.66
    begin = BEGIN - age
    names = tuple(f"{name}{number}.{domain(number)}" for name in "wab"[: rng.choice((1, 1, 1, 2, 3))])
    ca.known.add(names)
    held = Held(
        1,
        f"{rng.getrandbits(120):x}",
        begin,
        begin + lifetime,
        None,
        f"{directory}/info/{number}" if ca.renewal_info else None,
        BEGIN + DAY * rng.random() if ca.renewal_info else None,
    )
    # One stack has a fourth of all.
    stack = 0 if number < of // 4 else 1 + number % (stacks - 1)
    kept = Kept(
        f"urn:{number}",
        f"c{number}",
        names,
        directory,
        None,
        "CN=ca",
        held,
        account(directory, number),
        (directory, *others) if others else (),
    )
    return Listed(number, stack, f"shop/s{stack:03}", kept, Standing(), due_at(held, None, None, None))


def _week(day: int) -> tuple[tuple[datetime, datetime], ...]:
    return ((BEGIN + day * DAY, BEGIN + day * DAY + OUTAGE),)
