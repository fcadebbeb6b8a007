"""The least that issues a certificate with the same libraries: acme and lego_bridge, no state, no vault, one
after another.
"""

import json
import os
import sys
from datetime import datetime, timedelta

import lego_bridge  # type: ignore[import-not-found]  # a compiled module without stubs
from acme import challenges, client, crypto_util, messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

directory_url, ca_file, nameserver, *domains = sys.argv[1:]


def bridge(**message: object) -> None:
    """One call of the bridge; ends the script where it fails."""
    answer = json.loads(lego_bridge.cmd(json.dumps(message)))
    if not answer["success"]:
        raise SystemExit(answer["error"])


def main() -> None:
    """Account, order, each authorization in turn, certificate."""
    key = JWKEC(key=ComparableECKey(ec.generate_private_key(ec.SECP256R1())))
    net = client.ClientNetwork(key, alg=ES256, verify_ssl=ca_file)  # type: ignore[arg-type]  # requests takes a path, too
    acme = client.ClientV2(messages.Directory.from_json(net.get(directory_url).json()), net)
    acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    order = acme.new_order(crypto_util.make_csr(pem, domains))
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
