"""Where issued certificates are put, as typed Python classes: one file per kind of target.

They are used as those of `stacks.resources` are; importing this needs Pulumi's SDK only.
"""

from stacks.deployments.alicloud_cas import AlicloudCas
from stacks.deployments.endpoint import Endpoint
from stacks.resources import Custom

__all__ = ["TARGETS", "AlicloudCas", "Endpoint"]

TARGETS: tuple[type[Custom], ...] = (
    Endpoint,
    AlicloudCas,
)
"""Every class of this package that a program can use; each has the `type_token` of the schema."""
