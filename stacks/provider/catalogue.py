"""Every resource type of the package, by its token."""

from stacks.provider.acme.account import Account
from stacks.provider.acme.authorization import Authorization
from stacks.provider.acme.certificate import Certificate
from stacks.provider.acme.order import Order
from stacks.provider.deploy.alicloud_cas import AlicloudCas
from stacks.provider.deploy.aws_acm import AwsAcm
from stacks.provider.deploy.azure_key_vault import AzureKeyVault
from stacks.provider.deploy.baiducloud_cas import BaiducloudCas
from stacks.provider.deploy.cloudflare_certificate import CloudflareCertificate
from stacks.provider.deploy.directory import Directory
from stacks.provider.deploy.endpoint import Endpoint
from stacks.provider.deploy.host import Host
from stacks.provider.deploy.huaweicloud_scm import HuaweicloudScm
from stacks.provider.deploy.jdcloud_ssl import JdcloudSsl
from stacks.provider.deploy.kubernetes_secret import KubernetesSecret
from stacks.provider.deploy.tencentcloud_ssl import TencentcloudSsl
from stacks.provider.deploy.volcengine_certificate_centre import VolcengineCertificateCentre
from stacks.provider.deploy.webhook import Webhook
from stacks.provider.dns.challenge_record import ChallengeRecord
from stacks.provider.resource import ResourceType

RESOURCES: dict[str, ResourceType] = {
    each.token: each()
    for each in (
        Account,
        Order,
        ChallengeRecord,
        Authorization,
        Certificate,
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
}
