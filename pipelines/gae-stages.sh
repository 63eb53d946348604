#!/bin/sh
# The same pipeline, stage by stage, each with its own options.
# Usage: pipelines/gae-stages.sh flows.csv [alerts.jsonl]
set -eu
input=${1:?usage: gae-stages.sh INPUT [OUTPUT]}
output=${2:-alerts.jsonl}
exec morpheus run --edge_buffer_size 2 pipeline-gae \
    from-netflow --input "$input" \
    build-graph --graph_size 200000 \
    infer-gae --executor cpu \
    flag-anomalies --alert_rate 1% \
    monitor --description scoring \
    to-alerts --output "$output"
