#!/bin/sh
# Alerts as events for Splunk's HTTP Event Collector, in the Open Cybersecurity Schema.
# Usage: MORPHEUS_GAE_OUTPUT_TOKEN_FILE=/run/secrets/hec pipelines/gae-splunk.sh INPUT URL [REFUSED]
#   URL  'splunk+https://host:8088?index=netflow&ack=true'
set -eu
input=${1:?usage: gae-splunk.sh INPUT URL [REFUSED]}
output=${2:?usage: gae-splunk.sh INPUT URL [REFUSED]}
refused=${3:-refused.jsonl}
exec morpheus run pipeline-gae --input "$input" --output "$output" --encoding ocsf --refused "$refused" \
    --alert_rate 0.1%
