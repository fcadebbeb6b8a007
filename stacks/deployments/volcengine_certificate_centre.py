"""tic:deploy/volcengineCertificateCentre:VolcengineCertificateCentre for programs in Python."""

from stacks.deployments.stored import StoredAsItIs


class VolcengineCertificateCentre(StoredAsItIs):
    """A certificate in Volcano Engine's certificate centre; a renewal goes in before the old one goes out."""

    type_token = "tic:deploy/volcengineCertificateCentre:VolcengineCertificateCentre"  # noqa: S105  (a type token)
