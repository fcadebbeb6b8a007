"""Where issued certificates are put, as typed Python classes: one file per kind of target.

They are used as those of `stacks.resources` are; importing this needs Pulumi's SDK only.
"""

from stacks.deployments.alicloud_cas import AlicloudCas
from stacks.deployments.aws_acm import AwsAcm
from stacks.deployments.azure_key_vault import AzureKeyVault
from stacks.deployments.baiducloud_cas import BaiducloudCas
from stacks.deployments.cloudflare_certificate import CloudflareCertificate
from stacks.deployments.directory import Directory
from stacks.deployments.endpoint import Endpoint
from stacks.deployments.host import Host
from stacks.deployments.huaweicloud_scm import HuaweicloudScm
from stacks.deployments.jdcloud_ssl import JdcloudSsl
from stacks.deployments.kubernetes_secret import KubernetesSecret
from stacks.deployments.tencentcloud_ssl import TencentcloudSsl
from stacks.deployments.volcengine_certificate_centre import VolcengineCertificateCentre
from stacks.deployments.webhook import Webhook
from stacks.typed import Custom

__all__ = [
    "TARGETS",
    "AlicloudCas",
    "AwsAcm",
    "AzureKeyVault",
    "BaiducloudCas",
    "CloudflareCertificate",
    "Directory",
    "Endpoint",
    "Host",
    "HuaweicloudScm",
    "JdcloudSsl",
    "KubernetesSecret",
    "TencentcloudSsl",
    "VolcengineCertificateCentre",
    "Webhook",
]

TARGETS: tuple[type[Custom], ...] = (
    Directory,
    Host,
    Endpoint,
    AlicloudCas,
    BaiducloudCas,
    AwsAcm,
    JdcloudSsl,
    TencentcloudSsl,
    VolcengineCertificateCentre,
    CloudflareCertificate,
    HuaweicloudScm,
    AzureKeyVault,
    KubernetesSecret,
    Webhook,
)
"""Every class of this package that a program can use; each has the `type_token` of the schema."""
