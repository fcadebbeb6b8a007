"""For Python programs: which variables an instance of a provider takes the credential of a slot from.

    import pulumi_alicloud as alicloud
    from stacks.slots import slot

    other = alicloud.Provider("other", opts=slot("alicloud", "prod"))

Importing this needs Pulumi's SDK only. tic tells a program its stack's slots in TIC_SLOTS: names, no secret.
"""

import json
import os

import pulumi


def slot(provider: str, name: str) -> pulumi.ResourceOptions:
    """Options for one instance of the provider: it works with what `tic stack bind STACK X --as NAME` bound.

    Ends the program where the stack has no such slot, since the stack's own credential would serve instead.
    """
    known = json.loads(os.environ.get("TIC_SLOTS", "{}"))
    mapping = known.get(f"{provider}:{name}")
    if mapping is None:
        stack = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        message = (
            f"stack {stack} is bound to no credential of {provider} as {name}; "
            f"bind one: tic stack bind {stack} CREDENTIAL --as {name}"
        )
        raise pulumi.RunError(message)
    return pulumi.ResourceOptions(env_var_mappings=mapping)
