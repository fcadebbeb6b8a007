"""What trust policies of several providers have in common."""

from credentials.roles import oidc
from credentials.roles.errors import SourceFailed
from credentials.roles.role import Role


def token_claims(role: Role) -> dict[str, list[str]]:
    """What a policy compares of a token: as in the source's own, else words for somebody to replace."""
    try:
        token = oidc.read(role.source.token_file or "", now=0)
    except SourceFailed:
        return {"oidc:iss": ["ISSUER-URL"], "oidc:aud": ["CLIENT-ID"], "oidc:sub": ["SUBJECT"]}
    return {"oidc:iss": [token.issuer], "oidc:aud": [*token.audiences], "oidc:sub": [token.subject]}
