#!/bin/sh
# Score a file (Parquet, CSV, NDJSON, Arrow; a glob works too) and write the alerts beside it.
# Usage: pipelines/gae-file.sh flows.parquet [alerts.jsonl]
set -eu
input=${1:?usage: gae-file.sh INPUT [OUTPUT]}
output=${2:-alerts.jsonl}
exec morpheus run pipeline-gae --input "$input" --output "$output" --alert_rate 0.1%
