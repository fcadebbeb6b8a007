"""Asking CAs when they want certificates renewed (RFC 9773), between runs: a window that a CA has moved
forward, as before it revokes many at once, is known before the next run.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from engine.certificates.kept import stand
from engine.certificates.listing import Listed, every

if TYPE_CHECKING:
    from engine.installation import Installation
    from stacks.provider.acme.renewal_info import RenewalInfo

AT_ONCE = 8
SILENT_AFTER = 3  # questions without an answer; a CA that is down is not asked for each of a thousand


def ask(installation: "Installation", chosen: Sequence[Listed] | None = None) -> int:
    """Ask for the certificates (None: all) whose CAs may be asked again by now, and keep the answers.

    Returns how many windows were heard. No answer is none, and fails nothing.
    """
    now = datetime.now(UTC)
    if chosen is None:
        with installation.database.read() as connection:
            chosen = every(connection)
    to_ask = [each for each in chosen if _may_ask(each, now)]
    if not to_ask:
        return 0
    question = _questions(now)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask") as pool:
        answers = list(pool.map(question, to_ask))
    heard = 0
    with installation.database.write() as connection:
        for one, info in zip(to_ask, answers, strict=True):
            if info is not None:
                standing = replace(one.standing, window=info.window, ask_again=info.ask_again)
                stand(connection, one.id, one.kept, standing)
                heard += 1
    return heard


def _may_ask(one: Listed, now: datetime) -> bool:
    held = one.kept.held
    again = one.standing.ask_again or held.ask_again
    return (
        held.renewal_info_url is not None
        and now < min(held.not_after, one.due_at)
        and (again is None or now >= again)
    )


def _questions(now: datetime) -> Callable[[Listed], "RenewalInfo | None"]:
    from stacks.provider.acme.authority import Access, Authorities
    from stacks.provider.acme.renewal_info import ask as ask_for

    authorities, silent, lock = Authorities(), Counter[str](), Lock()

    def question(one: Listed) -> "RenewalInfo | None":
        url, directory = one.kept.held.renewal_info_url, one.kept.directory
        with lock:
            if url is None or silent[directory] >= SILENT_AFTER:
                return None
        info = ask_for(authorities, Access(directory, one.kept.ca_certificates), url, now)
        with lock:
            silent[directory] = 0 if info else silent[directory] + 1
        return info

    return question
