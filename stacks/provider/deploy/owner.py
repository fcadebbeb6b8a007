"""Whose a certificate is, in words that a service keeps beside it."""

MOST = 256  # characters, as in the value of a tag at Azure


def owner(urn: str) -> str:
    """Project, stack and name of the resource, as `shop/prod/site`; the end of it, where it is long."""
    stack, _, rest = urn.removeprefix("urn:pulumi:").partition("::")
    project, _, rest = rest.partition("::")
    return f"{project}/{stack}/{rest.rpartition('::')[2]}"[-MOST:]
