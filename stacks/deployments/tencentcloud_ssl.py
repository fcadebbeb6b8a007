"""tic:deploy/tencentcloudSsl:TencentcloudSsl for programs in Python."""

from stacks.deployments.stored import StoredAsItIs


class TencentcloudSsl(StoredAsItIs):
    """A certificate in Tencent Cloud's SSL Certificate Service; each renewal has an id of its own."""

    type_token = "tic:deploy/tencentcloudSsl:TencentcloudSsl"  # noqa: S105  (a type token)
