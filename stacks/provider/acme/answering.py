"""Whether a CA answers at all, asked on the side; what it would say to an order is another question."""

from typing import TYPE_CHECKING

import requests

from stacks.provider.acme.problems import AuthorityError

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Access, Authorities

ANSWER_SECONDS = 10.0
SERVER_ERROR = 500


def answers(authorities: "Authorities", access: "Access") -> bool:
    """Whether the CA gives out its directory. One that is not trusted, or refuses, is there; with a server
    error (HTTP 5xx) or silence it is as good as gone.
    """
    try:
        authorities.look(access, access.directory_url, "see whether the CA answers", seconds=ANSWER_SECONDS)
    except AuthorityError as error:
        if isinstance(error.__cause__, requests.exceptions.SSLError):
            return True
        return 0 < error.status < SERVER_ERROR
    return True
