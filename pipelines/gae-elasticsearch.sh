#!/bin/sh
# Alerts as documents in Elasticsearch or OpenSearch, each once; what no mapping takes is kept in a file.
# Usage: MORPHEUS_GAE_OUTPUT_TOKEN_FILE=/run/secrets/elastic pipelines/gae-elasticsearch.sh INPUT URL [REFUSED]
#   URL  elasticsearch+https://host:9200/logs-morpheus_gae.alerts-default; its template: docker/elastic
set -eu
input=${1:?usage: gae-elasticsearch.sh INPUT URL [REFUSED]}
output=${2:?usage: gae-elasticsearch.sh INPUT URL [REFUSED]}
refused=${3:-refused.jsonl}
exec morpheus run pipeline-gae --input "$input" --output "$output" --refused "$refused" --alert_rate 0.1%
