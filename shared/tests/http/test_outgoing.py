"""Calls to servers that somebody else named: where they may not go, and how little they may cost."""

import asyncio
import gzip
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from onefunnel.http.outgoing import CallFailed, NotAllowed, Outgoing, Rules
from onefunnel.http.public_urls import (
    MAX_URL,
    NoSuchName,
    check_addresses,
    check_target,
    resolved,
    target_of,
)
from onefunnel.testing.receiver import receiving, status

REFUSED = """
http://example.com/             another scheme
ftp://example.com/
file:///etc/passwd
gopher://example.com/
HTTPS://example.com/
https://127.0.0.1/              an address that is not public, in every way to write it
https://0/
https://127.1/
https://2130706433/
https://0x7f.1/
https://0x7f000001/
https://017700000001/
https://0177.0.0.1/
https://127.0.0.0x1/
https://1.2.3/
https://1.1.1.1.1/
https://1.1.1.1./
https://[::1]/
https://[::]/
https://[::ffff:127.0.0.1]/
https://[::ffff:8.8.8.8]/
https://[64:ff9b::7f00:1]/
https://[64:ff9b:1::7f00:1]/
https://[2002:7f00:1::]/
https://[2001:0:7f00:1::]/
https://[fe80::1]/
https://[fec0::1]/
https://[ff02::1]/
https://[::127.0.0.1]/
https://169.254.169.254/
https://[fd00:ec2::254]/
https://100.64.0.1/
https://10.0.0.1/
https://172.16.0.1/
https://192.168.0.1/
https://192.0.0.1/
https://192.88.99.1/
https://198.18.0.1/
https://224.0.0.1/
https://255.255.255.255/
https://0.0.0.0/
https://localhost/              a name of our own
https://localhost./
https://LOCALHOST/
https://a.localhost/
https://postgres/
https://metadata.google.internal/
https://db.internal/
https://printer.local/
https://onefunnel.default.svc/
https://onefunnel.default.svc.cluster.local/
https://example.com./
https://a@b.example.com/        text that two readers read differently
https://a:b@example.com/
https://example.com@10.0.0.1/
https://example.com#@10.0.0.1/
https://example.com\\@10.0.0.1/
https://example.com/#part
https://example.com:22/
https://example.com:80/
https://example.com:65536/
https://example.com:/
https://еxample.com/
https://ⓔxample.com/
https://127。0。0。1/
https://example..com/
https://-example.com/
https://example_com.example.com/
https://%31%32%37.0.0.1/
https://[127.0.0.1]/
https://[::1%25lo]/
https:///example.com/
https:example.com/
//example.com/
example.com
https://example.com/a b
https://example.com/\tx
""".strip("\n").splitlines()  # fmt: skip


@pytest.mark.parametrize("line", REFUSED)
def test_a_url_that_may_lead_home_is_refused_by_its_text_alone(line):
    url = line.split("   ")[0].rstrip(" ")
    with pytest.raises(NotAllowed):
        target_of(url.replace("\\\\", "\\").replace("\\t", "\t"), Rules())


@pytest.mark.parametrize("url", ["", " https://example.com/", "https://example.com/\n", "\0"])
def test_nothing_around_a_url_is_passed_over(url):
    with pytest.raises(NotAllowed):
        target_of(url, Rules())


def test_a_url_has_a_length():
    base = "https://example.com/"
    target_of(base + "a" * (MAX_URL - len(base)), Rules())
    with pytest.raises(NotAllowed):
        target_of(base + "a" * 10_240, Rules())


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com", "example.com", 443),
        ("https://Example.com:8443/a?b=c%20d", "example.com", 8443),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ("https://8.8.8.8/", "8.8.8.8", 443),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443),
        ("https://127.0.0.1.example.com/", "127.0.0.1.example.com", 443),
    ],
)
def test_a_public_url_is_taken(url, host, port):
    target = target_of(url, Rules())
    assert (target.host, target.port) == (host, port)


@pytest.mark.parametrize("url", ["http://127.0.0.1:12000/", "http://localhost:12000/hook"])
def test_loopback_is_called_only_where_it_is_allowed(url):
    target_of(url, Rules(loopback=True))
    with pytest.raises(NotAllowed):
        target_of(url, Rules())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:22/",
        "http://10.0.0.1:12000/",
        "http://example.com:12000/",
        "https://10.1.1.1/",
    ],
)
def test_where_loopback_is_allowed_nothing_else_is(url):
    with pytest.raises(NotAllowed):
        target_of(url, Rules(loopback=True))


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["8.8.8.8", "::1"],
        ["fe80::1%eth0"],
        ["::ffff:8.8.8.8"],
    ],
)
def test_one_address_that_is_not_public_spoils_all_of_a_name(addresses):
    with pytest.raises(NotAllowed):
        check_addresses(addresses, Rules())


async def test_a_name_is_judged_by_what_it_stands_for():
    target = target_of("https://hooks.example.com/", Rules())

    async def private(_host: str, _port: int) -> list[str]:
        return ["93.184.215.14", "192.168.1.1"]

    async def nobody(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    async def silent(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    with pytest.raises(NotAllowed):
        await check_target(target, Rules(), private)
    with pytest.raises(NoSuchName):
        await check_target(target, Rules(), nobody)
    await check_target(target, Rules(), silent)
    assert "127.0.0.1" in await resolved("127.0.0.1", 1)


async def test_a_name_that_turns_private_between_two_calls_is_not_connected_to():
    """Rebinding: what was public when it was given is private when it is called."""
    answers = [["93.184.215.14"], ["127.0.0.1"]]

    async def turning(_host: str, _port: int) -> list[str]:
        return answers.pop(0)

    target = target_of("https://hooks.example.com/", Rules())
    await check_target(target, Rules(), turning)
    async with Outgoing(Rules(), resolve=turning) as outgoing:
        with pytest.raises(NotAllowed):
            await outgoing.request("POST", target.url, headers={}, body=b"x")
    assert answers == []


async def test_a_call_goes_to_the_address_that_was_checked_under_the_name_of_the_url():
    asked = []

    async def here(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    server, client = certified("hooks.example.com")
    async with receiving(server) as receiver:
        async with Outgoing(Rules(loopback=True), resolve=here, tls=client) as outgoing:
            url = f"https://hooks.example.com:{receiver.port}/in?a=b"
            answer = await outgoing.request("POST", url, headers={"X-A": "1"}, body=b"{}")
            other = f"https://other.example.com:{receiver.port}/"
            with pytest.raises(CallFailed, match="tls"):
                await outgoing.request("POST", other, headers={}, body=b"")
        assert answer.status == 204
        (got,) = receiver.got
    assert got.line == "POST /in?a=b HTTP/1.1"
    assert got.headers["host"] == f"hooks.example.com:{receiver.port}"
    assert got.body == b"{}"
    assert asked == ["hooks.example.com", "other.example.com"]


async def test_a_redirect_is_an_answer_and_nothing_more():
    async with receiving() as receiver, receiving() as other:
        receiver.answer = status(302, f"Location: {other.url}")
        async with Outgoing(Rules(loopback=True)) as outgoing:
            answer = await outgoing.request("POST", receiver.url, headers={}, body=b"x")
        assert answer.status == 302
        assert other.connections == 0


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-A: " + b"x" * 4_000 + b"\r\n")
        await writer.drain()


def drop_by_drop(stopped: asyncio.Event):
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await stopped.wait()

    return answer


async def test_of_a_long_answer_the_beginning_is_read():
    async with receiving() as receiver, Outgoing(Rules(loopback=True)) as outgoing:
        receiver.answer = endless
        answer = await outgoing.request("POST", receiver.url, headers={}, body=b"x")
        assert (answer.status, len(answer.body), answer.cut) == (200, 65_536, True)


async def test_what_is_compressed_is_not_unpacked():
    bomb = gzip.compress(b"\0" * 10_000_000)
    async with receiving() as receiver, Outgoing(Rules(loopback=True)) as outgoing:
        receiver.answer = status(200, "Content-Encoding: gzip", body=bomb)
        answer = await outgoing.request("POST", receiver.url, headers={}, body=b"x")
    assert answer.body == bomb


@pytest.mark.parametrize("behaviour", [silent, drop_by_drop(asyncio.Event())])
async def test_a_call_ends_at_its_limit(behaviour):
    async with receiving() as receiver:
        receiver.answer = behaviour
        async with Outgoing(Rules(loopback=True), timeout_s=0.2) as outgoing:
            with pytest.raises(CallFailed, match="timeout"):
                await outgoing.request("POST", receiver.url, headers={}, body=b"x")


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 2x0 OK\r\n\r\n", b"\0\0\0\0\r\n\r\n", endless_headers]
)
async def test_what_is_no_answer_is_a_failure(answer):
    async with receiving() as receiver, Outgoing(Rules(loopback=True), timeout_s=5) as outgoing:
        receiver.answer = answer
        with pytest.raises(CallFailed):
            await outgoing.request("POST", receiver.url, headers={}, body=b"x")


async def test_nobody_there_is_a_failure():
    async with receiving() as receiver:
        url = receiver.url
    async with Outgoing(Rules(loopback=True)) as outgoing:
        with pytest.raises(CallFailed, match="connection"):
            await outgoing.request("POST", url, headers={}, body=b"x")


def certified(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context with a certificate for `name`, and a client's that believes it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    day, now = timedelta(days=1), datetime.now(UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName(name),
        x509.IPAddress(ipaddress.ip_address("9.9.9.9")),
    ]
    built = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = built.public_bytes(serialization.Encoding.PEM)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with_key = pem + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with NamedTemporaryFile(suffix=".pem") as file:  # the one thing that takes no bytes
        file.write(with_key)
        file.flush()
        server.load_cert_chain(file.name)
    return server, ssl.create_default_context(cadata=pem.decode())
