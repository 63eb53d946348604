#!/bin/sh
# Run what a container runs first, from the health check to Kafka's keys, so that the image has it compiled.
set -eu

flows=/opt/morpheus-gae/health.parquet
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# not where a checkout lies: its modules would be imported
cd "$folder"

morpheus-gae-health
morpheus-gae simulate --network 7 --flows 3000 --exporter goflow2 --output flows.ndjson
morpheus run pipeline-gae --preset goflow2 --input flows.ndjson --threshold 0 \
    --output alerts.jsonl --incidents incidents.jsonl
python - "$flows" <<'END'
import sys

import confluent_kafka
import numpy as np
import prometheus_client
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import urllib3

import morpheus_gae.kafka.sink
import morpheus_gae.kafka.source
from morpheus_gae.flows.pairing.pair import Pairer
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.flows.tables.join_kernels import has_any
from morpheus_gae.kafka.keys import pair_keys

pair_keys(pyarrow.parquet.read_table(sys.argv[1]))
# a stream comes in small parts, which a pairer puts together from time to time
pairer = Pairer()
for batch in read_flows("flows.ndjson", preset="goflow2"):
    for start in range(0, len(batch.flows), 20):
        pairer.push(batch.flows.slice(start, start + 20))
# some buffers of Arrow can be written, others cannot: two types for numba
octets = np.zeros(1, np.uint8)
for writeable in (True, False):
    octets.flags.writeable = writeable
    has_any(np.zeros(256, np.bool_), octets)
END
