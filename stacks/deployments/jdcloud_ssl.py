"""tic:deploy/jdcloudSsl:JdcloudSsl for programs in Python."""

from stacks.deployments.stored import StoredAsItIs


class JdcloudSsl(StoredAsItIs):
    """A certificate in JD Cloud's SSL certificate service; what uses it serves the new one too."""

    type_token = "tic:deploy/jdcloudSsl:JdcloudSsl"  # noqa: S105  (a type token)
