"""A simulated year by itself, so that its memory is its own: `python -m tests.engine.certificates.year`.

Arguments: how many certificates, the seed. Prints what happened as JSON.
"""

import json
import resource
import sys
import time
from typing import Any

from engine.certificates.limits import limit
from engine.certificates.limits.limit import authorities
from tests.engine.certificates.year.population import STRICT, strict
from tests.engine.certificates.year.simulation import Year


def lived(number: int, seed: int) -> dict[str, Any]:
    """What happened in a year with so many certificates."""
    began = time.process_time()
    year = Year(number, seed)
    year.run()
    return {
        "certificates": number,
        "seed": seed,
        "seconds of processor": round(time.process_time() - began, 1),
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "renewals by days of lifetime": dict(sorted(year.lifetimes.items())),
        "least that was left of a lifetime, in %": round(100 * year.least, 1),
        "orders": {each.directory: each.orders for each in year.cas.values()},
        "breaches": {each.directory: dict(each.breaches) for each in year.cas.values()},
        "counts": dict(sorted(year.counts.items())),
    }


def main() -> None:
    """Live through a year."""
    known = {**authorities(), STRICT: strict()}
    limit.authorities = lambda: known  # type: ignore[assignment]
    number, seed = (int(word) for word in sys.argv[1:3])
    print(json.dumps(lived(number, seed), indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
