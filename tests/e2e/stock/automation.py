"""A program that drives Pulumi by its Automation API, with an inline program; prints what it saw as JSON.

It runs in a process of its own: the SDK keeps its state in globals.
"""

import json
import sys
from typing import Any

import pulumi
from pulumi import automation


class Group(pulumi.ComponentResource):
    """Things that belong together."""

    def __init__(self, name: str, password: pulumi.Input[str]) -> None:
        super().__init__("stock:index:Group", name)
        within = pulumi.ResourceOptions(parent=self)
        self.first = _thing(f"{name}-first", {"password": password}, within)
        second = pulumi.ResourceOptions(parent=self.first, depends_on=[self.first])
        _thing(f"{name}-second", {"value": self.first.id}, second)
        self.register_outputs({"first": self.first.id})


def _thing(name: str, properties: dict[str, Any], options: pulumi.ResourceOptions) -> pulumi.CustomResource:
    return pulumi.CustomResource("trivial:index:Thing", name, properties, options)


def program() -> None:
    """One component; its secret comes from the configuration."""
    password = pulumi.Config().require_secret("password")
    group = Group("group", password)
    pulumi.export("first", group.first.id)
    pulumi.export("password", password)


def main(project: str, secret: str) -> dict[str, Any]:
    """The life of a stack; what was seen of it."""
    stack = automation.create_or_select_stack("auto", project_name=project, program=program)
    stack.set_config("password", automation.ConfigValue(secret, secret=True))
    stack.set_tag("made", "by automation")
    previewed = stack.preview()
    up = stack.up(message="inline")
    again = automation.select_stack("auto", project_name=project, program=program)
    exported = again.export_stack()
    again.import_stack(exported)
    refreshed = again.refresh()
    seen = {
        "previewed": dict(previewed.change_summary),
        "outputs": {name: [output.value, output.secret] for name, output in up.outputs.items()},
        "parents": {
            resource["urn"].rpartition("::")[2]: resource.get("parent", "").rpartition("::")[2]
            for resource in exported.deployment["resources"]  # type: ignore[index]
        },
        "tags": again.list_tags(),
        "refreshed": refreshed.summary.result,
        "destroyed": again.destroy().summary.result,
        "history": [[update.kind, update.message] for update in again.history()],
        "who": again.workspace.who_am_i().organizations,
    }
    again.workspace.remove_stack("auto")
    return {**seen, "left": [found.name for found in again.workspace.list_stacks()]}


if __name__ == "__main__":
    json.dump(main(sys.argv[1], sys.stdin.read()), sys.stdout)
