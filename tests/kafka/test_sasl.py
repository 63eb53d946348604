"""SASL: librdkafka proves who it is, by every mechanism that is told in the documentation."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("confluent_kafka")

from tests.kafka import tokens
from tests.kafka.command import Command
from tests.kafka.front import Front
from tests.kafka.front_run import config, filled, urls
from tests.kafka.run import Run
from tests.kafka.secured import Door

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

SECRET = "s3same-open"
KEY = b"of the issuer"
PREFIX = "MORPHEUS_GAE_KAFKA_"


def test_the_command(broker: Broker, name: str, tmp_path: Path) -> None:
    filled(broker, name)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(f"{SECRET}\n")
    wrong.write_text("hunter22\n")
    environment = {
        f"{PREFIX}SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        f"{PREFIX}SASL_MECHANISM": "SCRAM-SHA-512",
        f"{PREFIX}SASL_USERNAME": "scorer",
    }
    door = Door({"scorer": SECRET})
    with Front(broker.servers, door=door) as front:
        given = urls(front, name)
        with (
            Command(
                tmp_path, {**environment, f"{PREFIX}SASL_PASSWORD_FILE": str(wrong)}, fail_fast=True, **given
            ) as hurried,
            Command(tmp_path, {**environment, f"{PREFIX}SASL_PASSWORD_FILE": str(right)}, **given) as command,
        ):
            command.until(lambda: broker.committed(name, name) == [3], "everything is delivered")
            assert hurried.ended() == 1
            shown = command.seen_by_others() + Path(f"/proc/{command.process.pid}/environ").read_text()
            assert command.stop() == 0
    assert set(door.let_in) == {"SCRAM-SHA-512"}
    assert len(broker.read(f"{name}.out", 200)) == 200
    told = f"no connection to {front.servers}: SASL authentication error: Authentication failed"
    assert hurried.said.startswith(f"Error: {told}")
    assert len(hurried.said.splitlines()) == 1
    for secret in (SECRET, "hunter22"):
        assert secret not in shown + command.said + hurried.said


def test_mechanisms(broker: Broker, name: str, tmp_path: Path) -> None:
    user = {"sasl_username": "scorer", "sasl_password": SECRET}
    insecure = {
        "enable_sasl_oauthbearer_unsecure_jwt": "true",
        "sasl_oauthbearer_config": "principal=scorer",
    }
    with ExitStack() as stack:
        url = stack.enter_context(tokens.endpoint(SECRET, KEY))
        issued = {
            "sasl_oauthbearer_method": "oidc",
            "sasl_oauthbearer_client_id": "scorer",
            "sasl_oauthbearer_client_secret": SECRET,
            "sasl_oauthbearer_token_endpoint_url": url,
        }
        ways = {
            "plain": ("PLAIN", user, Door({"scorer": SECRET})),
            "scram": ("SCRAM-SHA-256", user, Door({"scorer": SECRET})),
            "bearer": ("OAUTHBEARER", insecure, Door(check_token=tokens.unexpired)),
            "oidc": ("OAUTHBEARER", issued, Door(check_token=tokens.signed_by(KEY))),
        }
        runs = {}
        for way, (mechanism, options, door) in ways.items():
            filled(broker, f"{name}.{way}")
            front = stack.enter_context(Front(broker.servers, door=door))
            told = {**config(tmp_path / way, mechanism, **options), **urls(front, f"{name}.{way}")}
            exactly_once = way in ("scram", "bearer")
            runs[way] = stack.enter_context(Run(fail_fast=True, exactly_once=exactly_once, **told))
        for way, run in runs.items():
            topic = f"{name}.{way}"
            run.until(lambda _, topic=topic: broker.committed(topic, topic) == [3], f"{way} delivers")
            assert set(ways[way][2].let_in) == {ways[way][0]}
