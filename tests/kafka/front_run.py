"""What tests before a front have in common: topics with flows in them, URLs through the front, options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.kafka.run import lines

if TYPE_CHECKING:
    from tests.kafka.broker import Broker
    from tests.kafka.front import Front


def topics(broker: Broker, name: str) -> None:
    """Those of a pipeline from topic to topic."""
    for topic in (name, f"{name}.out", f"{name}.out.dead"):
        broker.topic(topic)


def filled(broker: Broker, name: str) -> None:
    """Topics, and 200 flows in three messages, of which one is garbage."""
    topics(broker, name)
    broker.produce(name, [lines(0, 100), b"garbage", lines(100, 100)])


def urls(front: Front, name: str) -> dict[str, str]:
    """Options of a pipeline from topic to topic."""
    url = f"kafka://{front.servers}/{name}"
    return {"input": url, "output": f"{url}.out", "group": name}


def config(path: Path, mechanism: str, **options: str) -> dict[str, str]:
    """Options of a client, in a file; ``_`` stands for a dot."""
    told = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism}
    told.update({name.replace("_", "."): value for name, value in options.items()})
    path.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    return {"kafka_config": str(path)}
