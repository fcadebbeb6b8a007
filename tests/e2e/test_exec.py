"""Something real uses each kind: other people's programs, with credentials that they never had before.

Each is the program itself (kubectl, docker, Maven, curl, requests, boto3); the servers are the tests' own,
and check what arrives.
"""

import base64
import hashlib
import http.server
import json
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.command import Tic
from tests.emulators.jenkins import Jenkins, Protected
from tests.emulators.proxy import Clouds, Handler, Request, Response, clouds
from tests.emulators.registry import login
from tests.servers.process import accepts, free_port, running

pytestmark = pytest.mark.server

SECRET = "canary-of-exec"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


IMAGE = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
DIGEST = f"sha256:{hashlib.sha256(IMAGE.encode()).hexdigest()}"


def registry(request: Request) -> Response:
    """A registry with the image `app:1`, behind HTTP basic (distribution specification)."""
    if login(request) != ("me", SECRET):
        return Response(401, {"www-authenticate": 'Basic realm="r"'}, b"{}")
    docker = "application/vnd.docker"
    kind = f"{docker}.distribution.manifest.v2+json"
    config = {"mediaType": f"{docker}.container.image.v1+json", "size": len(IMAGE), "digest": DIGEST}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []})
    answers = {"/v2/": "{}", "/v2/app/manifests/1": manifest, f"/v2/app/blobs/{DIGEST}": IMAGE}
    if request.path not in answers:
        return Response(404)
    return Response(200, {"content-type": kind}, answers[request.path].encode())


def cluster(request: Request) -> Response:
    """An API server that says its version to whoever has the token."""
    known = request.headers.get("authorization") == f"Bearer {SECRET}"
    return Response.json({"gitVersion": "v1.32.0"} if known else {}, 200 if known else 401)


HOSTS: Mapping[str, Handler] = {
    "k8s.example.test": cluster,
    "registry.example.test": registry,
    "ci.example.test": Jenkins({"me": SECRET}),
    "git.example.test": Protected({"me": SECRET}),
}


@pytest.fixture
def env() -> Iterator[Clouds]:
    with clouds(HOSTS) as made:
        yield made


@pytest.fixture
def tic(tmp_path: Path, env: Clouds) -> Tic:
    work = tmp_path / "work"
    work.mkdir()
    made = Tic(tmp_path / "home", work, {**env, "HOME": str(tmp_path)})
    made("vault", "init")
    return made


def add(tic: Tic, name: str, provider: str, **fields: str) -> None:
    given = {field.replace("_", "-"): value for field, value in fields.items()}
    tic("creds", "new", name, "--provider", provider, "--secrets-from", "-", stdin=json.dumps(given))


@needs("kubectl")
def test_kubectl_with_a_server_a_token_and_an_authority(tic: Tic, env: Clouds) -> None:
    """B6."""
    authority = Path(env["SSL_CERT_FILE"]).read_text()
    add(tic, "k", "kubernetes", server="https://k8s.example.test", token=SECRET, ca=authority)
    del tic.variables["SSL_CERT_FILE"]  # the authority is in the kubeconfig
    said = tic("creds", "exec", "k", "--", "kubectl", "get", "--raw", "/version")
    assert said.json() == {"gitVersion": "v1.32.0"}


@needs("kubectl")
def test_kubectl_with_a_given_kubeconfig(tic: Tic, env: Clouds) -> None:
    config = {
        "current-context": "c",
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": "https://k8s.example.test",
                    "certificate-authority-data": base64.b64encode(
                        Path(env["SSL_CERT_FILE"]).read_bytes()
                    ).decode(),
                },
            }
        ],
        "users": [{"name": "u", "user": {"token": SECRET}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    add(tic, "k", "kubernetes", kubeconfig=json.dumps(config))
    said = tic("creds", "exec", "k", "--", "kubectl", "get", "--raw", "/version")
    assert said.json() == {"gitVersion": "v1.32.0"}


@needs("docker")
def test_docker_with_a_registrys_login(tic: Tic) -> None:
    """B6."""
    inspect = ("docker", "manifest", "inspect", "registry.example.test/app:1")
    refused = subprocess.run(inspect, env=tic.environment(), capture_output=True, check=False)
    assert refused.returncode != 0
    add(tic, "r", "container-registry", server="registry.example.test", username="me", password=SECRET)
    assert tic("creds", "exec", "r", "--", *inspect).json()["config"]["digest"] == DIGEST


@needs("curl")
def test_curl_with_jenkins_over_http_basic(tic: Tic) -> None:
    """B6."""
    add(tic, "j", "jenkins", url="https://ci.example.test", username="me", api_token=SECRET)
    ask = 'curl -sS --netrc-file "$NETRC" "$JENKINS_URL/whoAmI/api/json"'
    assert tic("creds", "exec", "j", "--", "sh", "-c", ask).json()["name"] == "me"


@pytest.mark.parametrize("password", [SECRET, 'a "quoted" \\ pass#word', "#pass"])
def test_curl_and_requests_with_a_user_name_and_password(tmp_path: Path, password: str) -> None:
    """B6."""
    with clouds({"git.example.test": Protected({"me": password})}) as env:
        made = Tic(tmp_path / "home", tmp_path, dict(env))
        made("vault", "init")
        add(
            made, "g", "username-password", username="me", password=password, url="https://git.example.test/x"
        )
        script = "import requests; print(requests.get('https://git.example.test/', timeout=9).status_code)"
        assert made("creds", "exec", "g", "--", sys.executable, "-c", script).out == "200\n"
        if shutil.which("curl"):
            ask = 'curl -sS -o /dev/null -w "%{http_code}" --netrc-file "$NETRC" https://git.example.test/'
            assert made("creds", "exec", "g", "--", "sh", "-c", ask).out == "200"


HEAD = "<project><modelVersion>4.0.0</modelVersion><packaging>pom</packaging>"
WHO = "<groupId>a.test</groupId><artifactId>parent</artifactId><version>1</version>"
PARENT = f"{HEAD}{WHO}</project>"
CHILD = f"{HEAD}<parent>{WHO}<relativePath/></parent><artifactId>child</artifactId></project>"


@contextmanager
def repository(password: str) -> Iterator[str]:
    """A Maven repository behind HTTP basic, with one file; yields its URL."""

    class Connection(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"
            known = self.headers.get("authorization") == wanted
            body = PARENT.encode() if known and self.path == "/a/test/parent/1/parent-1.pom" else b""
            self.send_response(200 if body else 404 if known else 401)
            if not known:
                self.send_header("www-authenticate", 'Basic realm="r"')
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server names it
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Connection) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            serving.join()


@needs("mvn")
def test_maven_with_a_mirrors_login(tic: Tic, tmp_path: Path) -> None:
    """B6. The project's parent is in the repository alone, which asks for the password."""
    password = "p<&\"'>{x}ä"
    (tic.folder / "pom.xml").write_text(CHILD)
    build = f'mvn -B -q -s "$MAVEN_SETTINGS" -Dmaven.repo.local={tmp_path}/m2 validate'
    with repository(password) as url:
        add(tic, "wrong", "maven-settings", server_id="own", username="me", password="wrong", url=url)
        refused = tic("creds", "exec", "wrong", "--", "sh", "-c", build, code=1)
        assert "401" in refused.out
        add(tic, "right", "maven-settings", server_id="own", username="me", password=password, url=url)
        tic("creds", "exec", "right", "--", "sh", "-c", build.replace("/m2", "/m2-of-another"))


ASKS_AWS = """
import boto3, sys
session = boto3.Session(profile_name=sys.argv[1], region_name="eu-west-1")
print(session.client("sts").get_caller_identity()["Arn"])
"""


@contextmanager
def moto(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """An AWS that checks signatures; yields its address, and a key of its user `deployer`."""
    import boto3

    port = free_port()
    with running("moto", [sys.executable, "-m", "moto.server", "-p", str(port)], folder=folder) as server:
        server.wait_until(lambda: accepts("127.0.0.1", port))
        url = f"http://127.0.0.1:{port}"
        anybody = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
        iam = boto3.client("iam", endpoint_url=url, **anybody)
        iam.create_user(UserName="deployer")
        key = iam.create_access_key(UserName="deployer")["AccessKey"]
        iam.close()
        requests.post(f"{url}/moto-api/reset-auth", data="0", timeout=9).raise_for_status()
        yield url, {"access-key-id": key["AccessKeyId"], "secret-access-key": key["SecretAccessKey"]}


def test_boto3_reads_the_key_through_credential_process(tmp_path: Path) -> None:
    """B6. AWS's own SDK calls tic, signs with what it gets, and AWS says who it is."""
    config = tmp_path / "config"
    with moto(tmp_path) as (url, key):
        made = Tic(
            tmp_path / "home",
            tmp_path,
            {
                "AWS_CONFIG_FILE": str(config),
                "AWS_ENDPOINT_URL": url,
                "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
            },
        )
        export = shlex.join(made.argv("creds", "export-process"))
        profiles = [f"[profile {name}]\ncredential_process = {export} {name}\n" for name in ("own", "wrong")]
        config.write_text("".join(profiles))
        made("vault", "init")
        add(made, "own", "aws", **key)
        add(made, "wrong", "aws", **{**key, "secret-access-key": "wrong"})
        ask = [sys.executable, "-c", ASKS_AWS]
        own = subprocess.run(
            [*ask, "own"], env=made.environment(), capture_output=True, text=True, check=True
        )
        assert own.stdout.strip().endswith(":user/deployer")
        wrong = subprocess.run(
            [*ask, "wrong"], env=made.environment(), capture_output=True, text=True, check=False
        )
        assert "SignatureDoesNotMatch" in wrong.stderr
