#!/bin/sh
# Score flows as they come: NDJSON on stdin, alerts as NDJSON on stdout, at the latest after ten seconds.
# Usage: tail -F flows.ndjson | pipelines/gae-stdin.sh
set -eu
exec morpheus run pipeline-gae --input - --format ndjson --output - --window_seconds 10 "$@"
