"""Brokers that ask for TLS and a user: the same log, and nothing for whom they do not know."""

import ipaddress
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from onefunnel.clock import SystemClock
from onefunnel.log.kafka_access import Access
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.kafka_shape import Copies
from onefunnel.log.kafka_topics import KafkaTopics
from onefunnel.log.port import Unavailable
from onefunnel.testing.kafka_broker import LocalBroker, Secured, can_run
from onefunnel.testing.log_contract import A0, TOPICS, read, records
from onefunnel.testing.needing import missing

USER, PASSWORD = "onefunnel", "a long secret"
HOST = ipaddress.ip_address("127.0.0.1")


def certified() -> tuple[str, str]:
    """Return a certificate that signs itself, and its key, both in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return certificate.public_bytes(pem).decode(), private.decode()


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Start a broker with a way in that is secured; return it and what a client must know."""
    if not can_run():
        missing("no Kafka that could ask for a password: Java and Maven are not here")
    room = tmp_path_factory.mktemp("secured")
    certificate, key = certified()
    (room / "ca.pem").write_text(certificate)
    broker = LocalBroker(room / "kafka", Secured(certificate, key, USER, PASSWORD))
    broker.create()
    known = Access(tls=True, ca_file=str(room / "ca.pem"), user=USER, password=PASSWORD)
    yield broker.secured_bootstrap, known
    broker.kill()


def topics_at(bootstrap, access):
    return KafkaTopics(bootstrap, Copies(replication=1, min_isr=1), TOPICS, access=access)


async def test_the_log_works_over_tls_for_a_user_that_is_known(secured):
    bootstrap, access = secured
    topics = topics_at(bootstrap, access)
    await topics.create()
    await topics.close()
    log = KafkaLog(bootstrap, TOPICS, access=access)
    writer = await log.open_writer("/services/test", 1)
    await writer.append(records(A0, "told in private"))
    await writer.close()
    assert (await read(log, {A0: 0}))[A0].values == [b"told in private"]
    await log.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "another"},
        {"user": "nobody"},
        {"user": None},
        {"ca_file": None},
        {"tls": False},
    ],
    ids=str,
)
async def test_nobody_else_gets_in(secured, wrong):
    bootstrap, access = secured
    log = KafkaLog(bootstrap, TOPICS, access=replace(access, **wrong))
    with pytest.raises(Unavailable):
        await log.open_writer("/services/test", 1)
    await log.close()


def test_a_password_is_not_shown(secured):
    assert PASSWORD not in repr(secured[1])
