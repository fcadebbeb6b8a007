"""tic:deploy/baiducloudCas:BaiducloudCas for programs in Python."""

from stacks.deployments.stored import StoredAsItIs


class BaiducloudCas(StoredAsItIs):
    """A certificate in Baidu AI Cloud's certificate service; it keeps its id while nothing uses it."""

    type_token = "tic:deploy/baiducloudCas:BaiducloudCas"  # noqa: S105  (a type token)
