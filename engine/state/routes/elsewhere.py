"""What the CLI can ask of Pulumi Cloud and tic has not: each in words that say what there is instead.

The calls are those of Pulumi's Go package `pkg/backend/httpstate/client` and of its ESC client.
"""

import re
from dataclasses import dataclass

_ORG = r"/api/orgs/[^/]+"
_STACK = r"/api/stacks/[^/]+/[^/]+/[^/]+"


@dataclass(frozen=True, slots=True)
class Absent:
    """Paths that begin so ask for something that tic has not; `instead` is the next thing to do."""

    begins: re.Pattern[str]
    what: str
    instead: str


def _absent(begins: str, what: str, instead: str) -> Absent:
    return Absent(re.compile(rf"(?:{begins})(?:/|$)"), what, instead)


_KEPT = (
    _absent(
        rf"{_ORG}/(?:policypacks|policygroups|policyresults)|{_STACK}/policypacks",
        "tic keeps no policy packs",
        "run one from its folder: pulumi up --policy-pack FOLDER",
    ),
    _absent(
        rf"(?:{_ORG}|{_STACK})/hooks",
        "tic has no webhooks",
        "let a chat bot tell how a run ended: tic stack up STACK --notify CREDENTIAL",
    ),
    _absent(
        rf"{_STACK}/deployments/schedules",
        "tic runs nothing at a set time by itself",
        "start it from cron or a systemd timer: tic stack up STACK",
    ),
    _absent(
        rf"{_STACK}/deployments",
        "tic has no hosted deployments: a program runs where it is started",
        "start it here: pulumi up, or tic stack up STACK",
    ),
    _absent(
        rf"{_STACK}/drift",
        "tic looks for drift only when it is asked",
        "look now: pulumi refresh --preview-only",
    ),
    _absent(
        r"/api/(?:esc|preview)/environments|/api/environments",
        "tic has no environments (Pulumi ESC)",
        "keep configuration in Pulumi.STACK.yaml: pulumi config set --secret KEY; credentials: tic creds new",
    ),
    _absent(
        rf"{_ORG}/(?:members|roles|teams)",
        "tic has one organization, without members, roles and teams",
        "give each person an access token: tic token --help",
    ),
    _absent(rf"{_ORG}/auditlogs", "tic's audit log is not read through Pulumi", "read it: tic audit list"),
    _absent(rf"{_ORG}/resources/summary", "tic counts no usage", "see what there is: tic stack list"),
    _absent(
        rf"/api/preview/insights|{_ORG}/search/(?:resourcesv2|resources/parse)",
        "tic has no Pulumi Insights",
        "search the resources of all stacks: pulumi org search -q 'type:TYPE name:NAME'",
    ),
    _absent(
        r"/api/preview/agents|/api/ai", "tic has no Pulumi Neo", "look at what happened: pulumi stack history"
    ),
    _absent(
        rf"/api/registry|{_ORG}/template",
        "tic keeps no packages and no templates",
        "name a folder or a Git repository instead",
    ),
    _absent(
        r"/api/oauth|/api/agents",
        "tic signs nobody up and takes no other tokens than its own",
        "set the PULUMI_ACCESS_TOKEN that tic serve printed",
    ),
    _absent(r"/api/console", "tic has no console in the browser", "see the stack: tic stack show STACK"),
    _absent(
        r"/api/log-encryption-session",
        "tic encrypts no logs for Pulumi's support",
        "read the log as it is: pulumi logs list",
    ),
)


def explanation(method: str, path: str) -> str:
    """Why a call that no route knows gets no answer, and what to do instead."""
    for absent in _KEPT:
        if absent.begins.match(path):
            return f"{absent.what}\n  next: {absent.instead}"
    return (
        f"tic's state service does not know {method} {path}: a newer pulumi may ask for it\n"
        "  next: use the pulumi that tic runs: tic engine status"
    )
