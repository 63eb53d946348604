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
import prometheus_client
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import urllib3

import morpheus_gae.kafka.sink
import morpheus_gae.kafka.source
from morpheus_gae.kafka.keys import pair_keys

pair_keys(pyarrow.parquet.read_table(sys.argv[1]))
END
