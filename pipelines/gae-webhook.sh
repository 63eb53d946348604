#!/bin/sh
# Alerts to a webhook, signed; a server that is away is waited for as long as ten minutes.
# Usage: MORPHEUS_GAE_OUTPUT_HMAC_KEY_FILE=/run/secrets/webhook pipelines/gae-webhook.sh INPUT URL [REFUSED]
#   URL  webhook+https://host/path
set -eu
input=${1:?usage: gae-webhook.sh INPUT URL [REFUSED]}
output=${2:?usage: gae-webhook.sh INPUT URL [REFUSED]}
refused=${3:-refused.jsonl}
exec morpheus run pipeline-gae --input "$input" --output "$output" --refused "$refused" --retry_seconds 600 \
    --alert_rate 0.1%
