"""Options: who comes first, what nobody may change, and that secrets stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.kafka.config import load_config
from morpheus_gae.kafka.url import TopicUrl, parse


def test_environment_before_file_before_defaults(tmp_path: Path) -> None:
    file, secret = tmp_path / "kafka.conf", tmp_path / "secret"
    file.write_text(
        "# comment\n\nsasl.username = file\nclient.id=file\nproducer.linger.ms=50\nfetch.min.bytes=7\n"
    )
    secret.write_text("hunter22\n")
    config = load_config(
        str(file),
        "mine",
        {
            "MORPHEUS_GAE_KAFKA_SASL_USERNAME": "environment",
            "MORPHEUS_GAE_KAFKA_SASL_PASSWORD_FILE": str(secret),
            "MORPHEUS_GAE_KAFKA_CONSUMER_SESSION_TIMEOUT_MS": "6000",
            "OTHER": "x",
        },
    )
    consumer, producer = config.consumer("a:1,b:2"), config.producer("a:1")
    for options in (consumer, producer):
        assert options["sasl.username"] == "environment"
        assert options["sasl.password"] == "hunter22"
        assert options["client.id"] == "file"
    assert (consumer["bootstrap.servers"], consumer["group.id"]) == ("a:1,b:2", "mine")
    assert (consumer["session.timeout.ms"], consumer["enable.auto.commit"]) == ("6000", "false")
    assert "session.timeout.ms" not in producer
    assert (producer["linger.ms"], producer["acks"], producer["enable.idempotence"]) == ("50", "all", "true")
    assert "linger.ms" not in consumer
    assert config.shown()["sasl.password"] == "***"
    assert "hunter22" not in repr(config)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("enable.auto.commit=true", "enable.auto.commit must be false"),
        ("consumer.enable.auto.commit=TRUE", "must be false"),
        ("request.required.acks=1", "must be all"),
        ("producer.enable.idempotence=false", "must be true"),
        ("isolation.level=read_uncommitted", "must be read_committed"),
        ("group.id=x", "is told by --group"),
        ("bootstrap.servers=x:1", "is told by the kafka:// URL"),
        ("sasl.password hunter22", "line 1: not of the form option=value"),
    ],
)
def test_refused(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "kafka.conf"
    file.write_text(line + "\n")
    with pytest.raises(UsageError, match=words) as caught:
        load_config(str(file), environment={})
    assert "hunter22" not in str(caught.value)


def test_what_is_required_may_be_repeated(tmp_path: Path) -> None:
    environment = {"MORPHEUS_GAE_KAFKA_ENABLE_AUTO_COMMIT": "False", "MORPHEUS_GAE_KAFKA_ACKS": "all"}
    assert load_config(environment=environment).consumer("a:1")["enable.auto.commit"] == "false"


def test_avro_schema(tmp_path: Path) -> None:
    schema, file = tmp_path / "flow.avsc", tmp_path / "kafka.conf"
    schema.write_text('{"type": "record"}')
    file.write_text(f"avro.schema.file={schema}\n")
    for config in (
        load_config(str(file), environment={}),
        load_config(environment={"MORPHEUS_GAE_KAFKA_AVRO_SCHEMA_FILE": str(schema)}),
    ):
        assert config.avro_schema == '{"type": "record"}'
        assert not [name for name in config.consumer("a:1") if "avro" in name]


def test_given_twice() -> None:
    environment = {"MORPHEUS_GAE_KAFKA_SASL_PASSWORD": "a", "MORPHEUS_GAE_KAFKA_SASL_PASSWORD_FILE": __file__}
    with pytest.raises(UsageError, match="give one"):
        load_config(environment=environment)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--kafka_config: .* cannot be read"):
        load_config(str(tmp_path / "none"), environment={})
    with pytest.raises(UsageError, match=r"MORPHEUS_GAE_KAFKA_SASL_PASSWORD_FILE: .* cannot be read"):
        load_config(environment={"MORPHEUS_GAE_KAFKA_SASL_PASSWORD_FILE": str(tmp_path)})


def test_an_option_that_librdkafka_refuses() -> None:
    pytest.importorskip("confluent_kafka")
    from morpheus_gae.kafka.client import make_consumer

    for name, value in (("no.such.option", "hunter22"), ("session.timeout.ms", "hunter22")):
        with pytest.raises(UsageError, match="Kafka options") as caught:
            make_consumer({"group.id": "g", "sasl.password": "hunter22", name: value}, lambda error: None)
        assert "hunter22" not in str(caught.value)
        assert name in str(caught.value)


def test_url() -> None:
    assert parse("kafka://a:1,[::1]:2/flows") == TopicUrl("a:1,[::1]:2", "flows")
    assert str(parse("kafka://a:1/flows")) == "kafka://a:1/flows"


@pytest.mark.parametrize(
    "url",
    ["kafka://", "kafka://a:1", "kafka://a:1/", "kafka://a/t", "kafka:///t", "kafka://a:1/^t.*", "kafka://a:1/t/u",
     "kafka://a:0/t", "kafka://a:x/t", "kafka://a:1,/t", "kafka://a:1/."],
)  # fmt: skip
def test_no_url(url: str) -> None:
    with pytest.raises(UsageError, match="kafka://"):
        parse(url)


def test_no_password_in_a_url() -> None:
    with pytest.raises(UsageError, match="--kafka_config") as caught:
        parse("kafka://user:hunter22@a:1/t")
    assert "hunter22" not in str(caught.value)
