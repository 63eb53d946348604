#!/opt/venv/bin/python
"""Programs of images that are not here, told apart by the name they are called by."""

from __future__ import annotations

import os
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Well(BaseHTTPRequestHandler):
    """Answers 200 to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def after(option: str) -> str:
    return sys.argv[sys.argv.index(option) + 1]


def main() -> None:
    name = Path(sys.argv[0]).name
    if name == "wget":
        urllib.request.urlopen(sys.argv[-1], timeout=5).close()
    elif name.startswith("kafka-"):
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": after("--bootstrap-server")})
        there = admin.list_topics(timeout=5).topics
        if name == "kafka-topics.sh" and after("--topic") not in there:
            told = [value for word, value in zip(sys.argv, sys.argv[1:], strict=False) if word == "--config"]
            topic = NewTopic(
                after("--topic"),
                int(after("--partitions")),
                int(after("--replication-factor")),
                config=dict(setting.split("=", 1) for setting in told),
            )
            for future in admin.create_topics([topic]).values():
                future.result(30)
    elif "KAFKA_LISTENERS" in os.environ:
        broker = "/opt/standin/broker"
        told = [
            "broker",
            "--listener-url",
            "tcp://0.0.0.0:9092",
            "--advertised-listener-url",
            "tcp://kafka:9092",
        ]
        os.execv(broker, [broker, *told, "--storage-engine", "memory://tansu/"])
    else:
        for port in (3000, 8080, 9090):
            server = ThreadingHTTPServer(("0.0.0.0", port), Well)
            threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
