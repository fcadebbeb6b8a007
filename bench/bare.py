"""The least that issues a certificate with the same libraries: acme and lego_bridge, no state, no vault, one
after another.
"""

import json
import sys
from datetime import datetime, timedelta

import josepy as jose
import lego_bridge
from acme import challenges, client, crypto_util, messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

directory_url, ca_file, nameserver, *domains = sys.argv[1:]


def bridge(**message: object) -> None:
    """One call of the bridge; ends the script where it fails."""
    answer = json.loads(lego_bridge.cmd(json.dumps(message)))
    if not answer["success"]:
        raise SystemExit(answer["error"])


def main() -> None:
    """Account, order, each authorization in turn, certificate."""
    key = jose.JWKEC(key=jose.ComparableECKey(ec.generate_private_key(ec.SECP256R1())))
    net = client.ClientNetwork(key, alg=jose.ES256, verify_ssl=ca_file)
    acme = client.ClientV2(messages.Directory.from_json(net.get(directory_url).json()), net)
    acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    order = acme.new_order(crypto_util.make_csr(pem, domains))
    import os

    names = ("NAMESERVER", "TSIG_KEY", "TSIG_ALGORITHM", "TSIG_SECRET")
    settings = {f"DNSUPDATE_{name}": os.environ[f"RFC2136_{name}"] for name in names}
    bridge(action="configure", provider="dnsupdate", credentials=settings, nameservers=[nameserver])
    for authorization in order.authorizations:
        chosen = next(
            each for each in authorization.body.challenges if isinstance(each.chall, challenges.DNS01)
        )
        name = authorization.body.identifier.value
        where = {
            "domain": name,
            "token": chosen.chall.encode("token"),
            "key_authorization": chosen.chall.key_authorization(key),
        }
        bridge(action="perform", **where)
        acme.answer_challenge(chosen, chosen.chall.response(key))
        while acme.poll(authorization)[0].body.status == messages.STATUS_PENDING:
            pass
        bridge(action="cleanup", **where)
    acme.finalize_order(order, datetime.now() + timedelta(seconds=30))  # acme wants naive local time


main()
