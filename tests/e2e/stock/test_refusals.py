"""What tic has not is refused in words that the stock CLI shows, with what to do instead, and logged."""

import pytest

from tests.e2e.stock.conftest import Served
from tests.e2e.stock.stock import Stock

pytestmark = pytest.mark.server
REFUSED = {
    "stack init remote --remote-config": "leave out --remote-config",
    "stack init elsewhere/PROJECT/dev": "the only organization here is tic",
    "config env init --yes": "pulumi config set --secret KEY",
    "env ls": "tic creds new",
    "policy ls": "pulumi up --policy-pack FOLDER",
    "stack webhook list": "tic stack up STACK --notify CREDENTIAL",
    "stack schedule list": "cron or a systemd timer",
    "stack drift status": "pulumi refresh --preview-only",
    "deployment settings get": "tic has no hosted deployments",
    "deployment run update": "tic stack up STACK",
    "org member list": "tic token --help",
    "org audit-log list": "tic audit list",
    "org usage get": "tic stack list",
    "org search ai -q anything": "pulumi org search -q",
    "insights account list": "tic has no Pulumi Insights",
    "neo hello": "tic has no Pulumi Neo",
}
ALWAYS = ("env ls", "stack init remote --remote-config", "deployment run update")


def refuses(shop: Stock, command: str) -> None:
    refused = shop(*command.replace("PROJECT", shop.project).split(), code=1)
    assert REFUSED[command] in refused.text
    assert "does not know" not in refused.text


def test_what_only_pulumi_cloud_has_is_refused_with_what_to_do_instead(shop: Stock, served: Served) -> None:
    for command in ALWAYS:
        refuses(shop, command)
    assert "404 GET '/api/esc/environments'" in served.log.read_text()
    teamed = shop("stack", "init", "teamed", "--teams", "devs")
    assert "tic has no teams" in teamed.err
    assert "No templates found" in shop("template", "list").text


@pytest.mark.soak
@pytest.mark.parametrize("command", REFUSED)
def test_every_such_command_is_refused_like_that(shop: Stock, command: str) -> None:
    refuses(shop, command)
