#!/bin/sh
# Score the flows that came with the image, with the model in use, and see that every step left something.
# The environment is emptied first: a pipeline's settings must not turn this into another pipeline.
set -eu

flows=${1:-/opt/morpheus-gae/health.parquet}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

env -i PATH="$PATH" HOME="$folder" NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-$folder}" \
    morpheus run --num_threads 1 pipeline-gae --model "$MORPHEUS_RUN_PIPELINE_GAE_MODEL" \
    --input "$flows" --threshold 0 --output "$folder/alerts.jsonl" --metrics "$folder/metrics.json"
test -s "$folder/alerts.jsonl"
