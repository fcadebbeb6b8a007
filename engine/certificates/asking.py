"""Asking CAs when they want certificates renewed (RFC 9773), between runs: a window that a CA has moved
forward, as before it revokes many at once, is known before the next run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from engine.certificates import attempts
from engine.certificates.kept import stand_all
from engine.certificates.listing import Listed, unheard
from stacks.provider.acme import epoch

if TYPE_CHECKING:
    from engine.installation import Installation
    from stacks.provider.acme.authority import Authorities
    from stacks.provider.acme.renewal_info import RenewalInfo

AT_ONCE = 8
PAGE = 1000  # certificates that are in memory, and whose answers are kept, at a time
SILENT_AFTER = 3  # questions without an answer; a CA that is down is not asked for each of a thousand


def ask(installation: "Installation") -> int:
    """Ask for all certificates whose CAs may be asked again by now, and keep the answers.

    Returns how many windows were heard. No answer is none, and fails nothing.
    """
    now, heard, last = datetime.now(UTC), 0, 0
    question = _questions(now)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask") as pool:
        while True:
            with installation.database.read() as connection:
                page = unheard(connection, now, after=last, most=PAGE)
            if not page:
                return heard
            last = page[-1].id
            to_ask = [each for each in page if may_ask(each, now)]
            answers = list(pool.map(question, to_ask))
            heard += _keep(installation, zip(to_ask, answers, strict=True))


def _keep(installation: "Installation", answers: Iterable[tuple[Listed, "RenewalInfo | None"]]) -> int:
    there = [(one, info) for one, info in answers if info is not None]
    if there:
        with installation.database.write() as connection:
            heard = (
                (one.id, one.kept, attempts.heard(one.standing, info.window, info.ask_again))
                for one, info in there
            )
            stand_all(connection, heard)
    return len(there)


def may_ask(one: Listed, now: datetime) -> bool:
    """Whether to ask for its window: its CA offers one, wants the question by now, and nothing is due yet."""
    return epoch.may_ask(one.kept.held, now, due_at=one.due_at, ask_again=one.standing.ask_again)


def silent(directories: Mapping[str, str | None]) -> set[str]:
    """Those of the CAs (directory URL, and the roots to trust or None) that do not answer."""
    if not directories:
        return set()
    from stacks.provider.acme.answering import answers
    from stacks.provider.acme.authority import Access, Authorities

    authorities = Authorities()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="answer") as pool:
        there = pool.map(lambda each: answers(authorities, Access(*each)), directories.items())
        return {url for url, answered in zip(directories, there, strict=True) if not answered}


def _questions(now: datetime) -> Callable[[Listed], "RenewalInfo | None"]:
    known: list[Authorities] = []
    silent, lock = Counter[str](), Lock()

    def question(one: Listed) -> "RenewalInfo | None":
        from stacks.provider.acme.authority import Access, Authorities
        from stacks.provider.acme.renewal_info import ask as ask_for

        url, directory = one.kept.held.renewal_info_url, one.kept.directory
        with lock:
            if url is None or silent[directory] >= SILENT_AFTER:
                return None
            if not known:
                known.append(Authorities())
        info = ask_for(known[0], Access(directory, one.kept.ca_certificates), url, now)
        with lock:
            silent[directory] = 0 if info else silent[directory] + 1
        return info

    return question
