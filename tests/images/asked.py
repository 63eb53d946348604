"""What is asked inside of containers of the stack, as programs of Python."""

from __future__ import annotations

# messages are read and counted: the watermarks of the stand-in are behind them
ASK = """
import confluent_kafka as ck
told = {"bootstrap.servers": "kafka:9092", "group.id": "scorer", "enable.auto.commit": False}
for topic in ("flows-raw", "alerts", "flows-dead"):
    c = ck.Consumer({**told, "enable.partition.eof": True})
    parts = [ck.TopicPartition(topic, p, 0) for p in range(4)]
    done = {p.partition: p.offset for p in c.committed(parts, timeout=10)}
    c.assign(parts)
    count, ends = 0, {}
    while len(ends) < 4:
        for m in c.consume(1000, 1.0):
            if m.error() is None:
                count += 1
            elif m.error().code() == ck.KafkaError._PARTITION_EOF:
                ends[m.partition()] = m.offset()
            else:
                raise SystemExit(str(m.error()))
    c.close()
    print(topic, count, sum(max(0, end - max(done[p], 0)) for p, end in ends.items()))
"""
COMPACTED = """
import confluent_kafka as ck, confluent_kafka.admin as admin
asked = admin.AdminClient({"bootstrap.servers": "kafka:9092"})
for name in ("flows-raw", "incidents", "incidents.state"):
    (told,) = asked.describe_configs([admin.ConfigResource("TOPIC", name)]).values()
    policy = told.result(10).get("cleanup.policy")
    print(name, policy.value if policy else "delete")
c = ck.Consumer({"bootstrap.servers": "kafka:9092", "group.id": "reader", "enable.partition.eof": True})
c.assign([ck.TopicPartition("incidents", p, 0) for p in range(4)])
left, keys = 4, 0
while left:
    for m in c.consume(1000, 1.0):
        if m.error() is None:
            keys += m.key() is not None
        else:
            left -= 1
c.close()
print("keys", keys)
"""
KILL = """
import os
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) not in (1, os.getpid()):
        os.kill(int(name), 9)
"""
METRICS = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9108/metrics').read().decode())"
PARTITIONS = """
import re, urllib.request
told = urllib.request.urlopen("http://127.0.0.1:9108/metrics").read().decode()
print(*re.findall(r'^morpheus_gae_kafka_lag{[^}]*partition="([0-9]+)"', told, re.M))
"""
SCRAPE = """
import socket, urllib.request
for address in sorted({told[4][0] for told in socket.getaddrinfo("scorer", 9108, socket.AF_INET)}):
    with urllib.request.urlopen(f"http://{address}:9108/metrics", timeout=10) as answer:
        print(address, "morpheus_gae_flows_total" in answer.read().decode())
"""
