#!/opt/venv/bin/python
"""Programs of images that are not here, told apart by the name they are called by."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = "/opt/standin"
STORE = 8333


class Well(BaseHTTPRequestHandler):
    """Answers 200 to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def after(option: str) -> str:
    return sys.argv[sys.argv.index(option) + 1]


def wait_for(store: subprocess.Popen[bytes]) -> None:
    while store.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{STORE}/status", timeout=1).close()
        except OSError:
            threading.Event().wait(0.1)
        else:
            return
    raise SystemExit("the store does not start")


def serve_topics() -> None:
    """A broker that keeps messages and offsets in the volume, in an object store beside it."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_REGION": "us-east-1"}
    told = {**keys, "AWS_ENDPOINT": f"http://127.0.0.1:{STORE}", "AWS_ALLOW_HTTP": "true", "HOME": "/tmp"}
    env = {**os.environ, **told}
    store = subprocess.Popen(
        [
            *(f"{HERE}/weed", "mini", f"-dir={os.environ['KAFKA_LOG_DIRS']}", f"-s3.port={STORE}"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=tansu", "-webdav=false", "-admin.ui=false"),
            "-master.telemetry=false",
        ],
        env=env,
    )
    wait_for(store)
    broker = subprocess.Popen(
        [
            *(f"{HERE}/broker", "broker", "--listener-url", "tcp://0.0.0.0:9092"),
            *("--advertised-listener-url", "tcp://kafka:9092", "--storage-engine", "s3://tansu/"),
        ],
        env=env,
    )
    signal.signal(signal.SIGTERM, lambda *_: broker.terminate())
    broker.wait()
    # what it wrote last comes to the disk
    store.terminate()
    store.wait()


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
        serve_topics()
    else:
        for port in (3000, 8080, 9090):
            server = ThreadingHTTPServer(("0.0.0.0", port), Well)
            threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
