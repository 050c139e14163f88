"""What lies below TAXII: TLS, HTTP/1.1, bodies of every size and coding (TAXII 2.1 sections 4.2, 8.2)."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.protocol.served import MEDIA_TYPE, Member, Served, Tls, files, indicator, running, write

LIMIT = 2**20  # max_content_length of the tests' server
OPENSSL = shutil.which("openssl")
BLACK_LISTED = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:AES128-GCM-SHA256:AES128-SHA"  # RFC 7540 Appendix A


# HTTP -------------------------------------------------------------------------------------------------------------


def _body(size: int) -> bytes:
    """An envelope of one object that fills exactly so many bytes."""
    bare = json.dumps({"objects": [indicator(x_filler="")]}).encode()
    return bare.replace(b'"x_filler": ""', b'"x_filler": "' + b"x" * (size - len(bare)) + b'"')


SIZES = [700, 1023, 1024, 65_535, 65_536, 65_537, 2**18 - 1, LIMIT // 2, LIMIT - 2, LIMIT - 1]


@pytest.mark.row("T-4.2-03")
@pytest.mark.parametrize("size", SIZES)
def test_a_body_smaller_than_the_limit_is_taken_in_every_coding(alpha: Member, size: int) -> None:
    body = _body(size)
    assert len(body) == size
    plain = alpha.post("fresh00", data=body)
    chunked = alpha.post("fresh00", data=iter([body[:333], body[333:]]))
    packed = alpha.post("fresh00", data=gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})
    assert [(answer.status_code, answer.json()["success_count"]) for answer in (plain, chunked, packed)] == [
        (202, 1)
    ] * 3


@pytest.mark.row("T-4.2-03", "T-5.5-04")
@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 70_000, 3 * LIMIT])
def test_a_body_larger_than_the_limit_is_too_large_in_every_coding(alpha: Member, fresh: str, size: int) -> None:
    body = _body(size)
    found = [
        alpha.post(fresh, data=body),
        alpha.post(fresh, data=iter([body[:333], body[333:]])),
        alpha.post(fresh, data=gzip.compress(body, 1), headers={"Content-Encoding": "gzip"}),
    ]
    assert [(answer.status_code, answer.headers["Content-Type"]) for answer in found] == [(413, MEDIA_TYPE)] * 3
    assert alpha.ask(f"/exchange/collections/{fresh}/objects/").json() == {"more": False}


@pytest.mark.row("T-4.2-03", "T-5.5-04")
def test_too_many_objects_in_a_body_that_is_small_enough_are_not_called_too_large(alpha: Member) -> None:
    body = b'{"objects":[' + b"{}," * 100_000 + b"{}]}"
    assert len(body) < LIMIT
    found = alpha.post("fresh00", data=body)
    assert (found.status_code, found.headers["Content-Type"]) == (422, MEDIA_TYPE)
    assert "send fewer" in found.json()["description"]


@pytest.mark.row("T-8.2-06")
def test_one_connection_of_http_1_1_serves_one_request_after_another(alpha: Member) -> None:
    """Also after errors, after a body that was refused, and after an answer without a body."""
    address = urlsplit(alpha.url)
    head = f"Host: {address.netloc}\r\nAuthorization: Bearer {alpha.key}\r\n"
    post = f"{head}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nabcde"
    asked = [
        (f"GET /taxii2/ HTTP/1.1\r\n{head}\r\n", 200), (f"GET /nothing/ HTTP/1.1\r\n{head}\r\n", 404),
        (f"POST /exchange/collections/fresh00/objects/ HTTP/1.1\r\n{post}", 415),
        (f"HEAD /taxii2/ HTTP/1.1\r\n{head}\r\n", 200), (f"GET /exchange/ HTTP/1.1\r\n{head}\r\n", 200),
    ]  # fmt: skip
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        reader = connection.makefile("rb")
        for text, status in asked:
            connection.sendall(text.encode())
            assert reader.readline() == f"HTTP/1.1 {status} {_REASONS[status]}\r\n".encode()
            headers = dict(line.decode().lower().strip().split(": ", 1) for line in iter(reader.readline, b"\r\n"))
            assert headers["content-type"] == MEDIA_TYPE
            assert headers.get("connection") != "close"
            if not text.startswith("HEAD"):
                json.loads(reader.read(int(headers["content-length"])))


_REASONS = {200: "OK", 404: "Not Found", 415: "Unsupported Media Type"}


@pytest.mark.row("T-8.2-06")
def test_posts_and_polls_share_one_connection_also_with_bodies_in_pieces(alpha: Member, fresh: str) -> None:
    address = urlsplit(alpha.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.connect()
    socket_before = connection.sock
    headers = {"Authorization": f"Bearer {alpha.key}", "Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
    path = f"/exchange/collections/{fresh}/objects/"
    for size in (700, 5000, 100_000):
        body = _body(size)
        for sent in (body, iter([body[:99], body[99:]])):
            connection.request("POST", path, body=sent, headers=headers, encode_chunked=True)
            assert json.loads(_read(connection, 202))["success_count"] == 1
            connection.request("GET", path, headers=headers)
            assert body[13:-2] in _read(connection, 200)
    assert connection.sock is socket_before
    connection.close()


def _read(connection: HTTPConnection, status: int) -> bytes:
    answer = connection.getresponse()
    assert answer.status == status
    return answer.read()


@pytest.mark.row("T-H-01")
@pytest.mark.parametrize("path", ["objects", "manifest", "objects/{id}", "objects/{id}/versions"])
def test_every_long_answer_is_the_same_with_and_without_gzip(alpha: Member, fresh: str, path: str) -> None:
    one = indicator(description="long " * 400)
    alpha.post(fresh, *[one | {"modified": f"2024-01-{day:02}T00:00:00.000Z"} for day in range(1, 29)])
    alpha.post(fresh, *[one | {"modified": f"2024-02-{day:02}T00:00:00.000Z"} for day in range(1, 29)])
    where = f"/exchange/collections/{fresh}/{path.format(id=one['id'])}/?match[version]=all"
    plain = alpha.ask(where, headers={"Accept-Encoding": "identity"})
    packed = alpha.ask(where, headers={"Accept-Encoding": "gzip"})
    assert plain.content == packed.content
    assert ("Content-Encoding" in packed.headers) == (len(plain.content) >= 1024)
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.row("T-3.4-09", "T-3.4-10")
def test_a_page_ends_before_the_object_that_would_take_it_above_16_mebibytes(alpha: Member, fresh: str) -> None:
    for _ in range(17):
        alpha.post(fresh, data=_body(LIMIT))
    page = alpha.ask(f"/exchange/collections/{fresh}/objects/?limit=17").json()
    assert (len(page["objects"]), page["more"]) == (16, True)
    rest = alpha.ask(f"/exchange/collections/{fresh}/objects/", params={"limit": 17, "next": page["next"]}).json()
    assert (len(rest["objects"]), rest["more"]) == (1, False)


# TLS --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """A server that speaks TLS, and the certificate it shows."""

    server: Served
    certificate: Path

    @property
    def address(self) -> tuple[str, int]:
        found = urlsplit(self.server.url)
        return found.hostname or "", found.port or 0

    def handshake(self, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> str | None:
        """The version that came to be; SSLError if none did."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.set_ciphers(ciphers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that old versions are old is what we test
            context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection(self.address, timeout=30) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            return secure.version()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    home = tmp_path_factory.mktemp("secured")
    tls = Tls(home / "cert.pem", home / "key.pem")
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=exchange",
        "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", str(tls.key), "-out", str(tls.certificate),
    )  # fmt: skip
    write(home, {name: files()[name] for name in ("config/exchange.yaml", "collections/post.yaml")})
    with running(home, tls=tls) as server:
        yield Secured(server=server, certificate=tls.certificate)


def _openssl(*arguments: str) -> str:
    if OPENSSL is None:
        pytest.skip("there is no openssl to make a certificate with")
    return subprocess.run(
        [OPENSSL, *arguments], check=True, capture_output=True, input="", text=True, timeout=60
    ).stdout


@pytest.mark.row("T-8.2-05")
@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_tls_1_2_and_1_3_are_spoken(secured: Secured, version: ssl.TLSVersion, name: str) -> None:
    assert secured.handshake(version) == name


@pytest.mark.row("T-8.2-05")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused_by_the_server(secured: Secured, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError, match="ALERT"):  # which the server sent
        secured.handshake(version)


@pytest.mark.row("T-8.2-05")
def test_of_tls_1_2_no_suite_is_spoken_that_http_2_forbids(secured: Secured) -> None:
    with pytest.raises(ssl.SSLError, match="ALERT"):
        secured.handshake(ssl.TLSVersion.TLSv1_2, BLACK_LISTED)


@pytest.mark.row("T-8.2-05")
def test_no_session_allows_early_data(secured: Secured, tmp_path: Path) -> None:
    session = tmp_path / "session"
    host, port = secured.address
    command = [
        OPENSSL or "",
        "s_client",
        "-connect",
        f"{host}:{port}",
        "-tls1_3",
        "-sess_out",
        str(session),
        "-ign_eof",
    ]
    asked = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = subprocess.run(command, capture_output=True, input=asked, text=True, timeout=60, check=False).stdout
    assert "HTTP/1.1 200 OK" in answer
    assert "Max Early Data: 0" in _openssl("sess_id", "-in", str(session), "-text", "-noout")


@pytest.mark.row("T-8.2-05", "T-4.1-04")
def test_over_tls_discovery_names_an_https_root_that_answers(secured: Secured) -> None:
    member = secured.server.member("alpha")
    root = member.ask("/taxii2/", verify=str(secured.certificate)).json()["api_roots"][0]
    assert root == f"{secured.server.url}/exchange/"
    assert root.startswith("https://")
    assert member.ask("/exchange/", verify=str(secured.certificate)).status_code == 200
