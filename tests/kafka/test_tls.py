"""TLS: librdkafka before a real broker behind TLS, with certificates that are right, wrong and not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("confluent_kafka")

from morpheus_gae.errors import GaeError, InputError
from tests.kafka.certificates import Authority, has_openssl
from tests.kafka.command import Command
from tests.kafka.front import Front
from tests.kafka.front_run import filled, urls
from tests.kafka.run import Run, wait_until

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

pytestmark = pytest.mark.skipif(not has_openssl(), reason="no openssl command to make certificates with")
SECRET = "kee93-of-the-key"
PREFIX = "MORPHEUS_GAE_KAFKA_"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "other")


def delivered(broker: Broker, name: str) -> bool:
    return broker.committed(name, name) == [3]


def test_the_command(broker: Broker, name: str, ours: Authority, other: Authority, tmp_path: Path) -> None:
    filled(broker, name)
    certificate, key = ours.issue("scorer", password=SECRET)
    secret, config = tmp_path / "secret", tmp_path / "kafka.conf"
    secret.write_text(f"{SECRET}\n")
    told = {
        "security.protocol": "SSL",
        "ssl.ca.location": ours.certificate,
        "ssl.certificate.location": certificate,
        "ssl.key.location": key,
        "debug": "security,conf",
    }
    config.write_text("".join(f"{option}={value}\n" for option, value in told.items()))
    right = {f"{PREFIX}SSL_KEY_PASSWORD_FILE": str(secret)}
    # the environment comes before the file
    wrong = {**right, f"{PREFIX}SSL_CA_LOCATION": str(other.certificate)}
    with Front(broker.servers, ours.server(client=True)) as front:
        given = {"kafka_config": config, **urls(front, name)}
        with (
            Command(tmp_path, wrong, fail_fast=True, **given) as hurried,
            Command(tmp_path, right, log_format="json", **given) as command,
        ):
            command.until(lambda: delivered(broker, name), "everything is delivered over TLS")
            seen = command.seen_by_others()
            assert command.stop() == 0
            assert hurried.ended() == 1
    assert str(config) in seen
    assert SECRET not in seen + command.said + hurried.said
    assert len(broker.read(f"{name}.out", 200)) == 200
    assert len(broker.read(f"{name}.out.dead", 1)) == 1
    (line,) = hurried.said.splitlines()
    assert line.startswith(f"Error: no connection to {front.servers}: SSL handshake failed")
    assert "certificate verify failed" in line
    assert "ssl.ca.location" in line
    assert line.endswith("(--fail_fast)")


def test_a_wrong_certificate_is_waited_out(
    broker: Broker, name: str, ours: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(broker, name)
    monkeypatch.setenv(f"{PREFIX}SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv(f"{PREFIX}SSL_CA_PEM_FILE", str(ours.certificate))
    monkeypatch.setenv(f"{PREFIX}RECONNECT_BACKOFF_MAX_MS", "500")
    with Front(broker.servers, other.server()) as front, Run(**urls(front, name)) as run:
        run.until(lambda run: any("certificate verify failed" in line for line in run.said), "it says why")
        # ours, but not of this host
        before = front.turned_away
        front.relisten(ours.server("DNS:kafka.example"))
        wait_until(lambda: front.turned_away > before, "it tries again")
        over = "Waiting is over: the broker answers and the topics are there"
        assert over not in run.said
        front.relisten(ours.server())
        run.until(lambda _: delivered(broker, name))
        assert over in run.said


def test_what_the_broker_does_not_tell(
    broker: Broker, name: str, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Front(broker.servers, ours.server(client=True)) as front:
        plain = Run(fail_fast=True, **urls(front, name))
        monkeypatch.setenv(f"{PREFIX}SECURITY_PROTOCOL", "SSL")
        monkeypatch.setenv(f"{PREFIX}SSL_CA_LOCATION", str(ours.certificate))
        without_certificate = Run(fail_fast=True, **urls(front, name))
        for run in (plain, without_certificate):
            run.join()
            assert isinstance(run.error, InputError)
            text = str(run.error)
            assert f"no broker answers at {front.servers}, though something listens there" in text
            assert "security.protocol" in text
            assert "client certificate" in text


def test_a_wrong_password_of_the_key(
    ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = ours.issue("locked", password=SECRET)
    monkeypatch.setenv(f"{PREFIX}SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv(f"{PREFIX}SSL_CERTIFICATE_LOCATION", str(certificate))
    monkeypatch.setenv(f"{PREFIX}SSL_KEY_LOCATION", str(key))
    monkeypatch.setenv(f"{PREFIX}SSL_KEY_PASSWORD", "hunter22")
    with pytest.raises(GaeError, match=r".*ssl.key.location failed.*is ssl.key.password right") as caught:
        Run("kafka://127.0.0.1:9/t", None)
    assert "hunter22" not in str(caught.value)
    monkeypatch.setenv(f"{PREFIX}SSL_CERTIFICATE_LOCATION", str(tmp_path / "none.pem"))
    with pytest.raises(GaeError, match=r"ssl.certificate.location failed.*none.pem cannot be read"):
        Run("kafka://127.0.0.1:9/t", None)
