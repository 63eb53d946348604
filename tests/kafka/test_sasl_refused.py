"""SASL that fails: who is not let in is told why, and waits, also in the middle of a run."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("confluent_kafka")

from morpheus_gae.errors import InputError, UsageError
from tests.kafka import tokens
from tests.kafka.front import Front
from tests.kafka.front_run import config, filled, urls
from tests.kafka.run import Run, lines
from tests.kafka.secured import Door

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

SECRET = "s3same-open"
KEY = b"of the issuer"


def test_who_is_not_let_in(broker: Broker, name: str, tmp_path: Path) -> None:
    user = {"sasl_username": "scorer", "sasl_password": SECRET}
    insecure = {"enable_sasl_oauthbearer_unsecure_jwt": "true", "sasl_oauthbearer_config": "principal=scorer"}
    door = Door({"scorer": SECRET}, ("PLAIN", "OAUTHBEARER"), tokens.signed_by(KEY))
    with Front(broker.servers, door=door) as front, tokens.endpoint(SECRET, KEY) as url, ExitStack() as stack:
        issued = {
            "sasl_oauthbearer_method": "oidc",
            "sasl_oauthbearer_client_id": "scorer",
            "sasl_oauthbearer_client_secret": "hunter22",
            "sasl_oauthbearer_token_endpoint_url": url,
        }
        wrong = {
            "Invalid username or password": ("PLAIN", {**user, "sasl_username": "other"}),
            "broker's supported mechanisms: PLAIN,OAUTHBEARER": ("SCRAM-SHA-256", user),
            "invalid_client": ("OAUTHBEARER", issued),
            "signature is not ours": ("OAUTHBEARER", insecure),
        }
        runs = {}
        for i, (words, (mechanism, options)) in enumerate(wrong.items()):
            told = config(tmp_path / f"{i}.conf", mechanism, **options)
            runs[words] = stack.enter_context(Run(fail_fast=True, **told, **urls(front, name)))
        told = config(tmp_path / "transactions.conf", "PLAIN", **{**user, "sasl_username": "other"})
        once = stack.enter_context(Run(fail_fast=True, exactly_once=True, **told, **urls(front, name)))
        for words, run in (*runs.items(), ("Invalid username or password", once)):
            run.join()
            assert isinstance(run.error, InputError)
            text = str(run.error)
            assert text.startswith(f"no connection to {front.servers}: ")
            assert words in text
            assert SECRET not in text
            assert "hunter22" not in text


def test_a_mechanism_that_the_client_lacks(tmp_path: Path) -> None:
    told = config(tmp_path / "kafka.conf", "GSSAPI", sasl_password=SECRET)
    with pytest.raises(UsageError, match="No provider for SASL mechanism") as caught:
        Run("kafka://127.0.0.1:9/t", None, **told)
    assert SECRET not in str(caught.value)


def test_a_password_that_changes_is_waited_out(broker: Broker, name: str, tmp_path: Path) -> None:
    filled(broker, name)
    door = Door({})
    user = {"sasl_username": "scorer", "sasl_password": SECRET, "reconnect_backoff_max_ms": "500"}
    told = config(tmp_path / "kafka.conf", "PLAIN", **user)
    with Front(broker.servers, door=door) as front, Run(**told, **urls(front, name)) as run:
        run.until(lambda run: any("Invalid username" in line for line in run.said), "it says why it waits")
        door.users["scorer"] = SECRET
        run.until(lambda _: broker.committed(name, name) == [3])
        # connections break in the middle of the run, and new ones are not let in
        door.users.clear()
        front.relisten(None)
        broker.produce(name, [lines(200, 100)])
        run.until(lambda run: len([line for line in run.said if "Invalid username" in line]) > 1)
        door.users["scorer"] = SECRET
        run.until(lambda _: broker.committed(name, name) == [4])
    assert SECRET not in "".join(run.said)
