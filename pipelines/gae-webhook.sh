#!/bin/sh
# Alerts in a file, incidents to a webhook, signed; a server that is away is waited for as long as ten minutes.
# Usage: MORPHEUS_GAE_INCIDENTS_HMAC_KEY_FILE=/run/secrets/webhook pipelines/gae-webhook.sh INPUT URL [OUTPUT]
#   URL  webhook+https://host/path
set -eu
input=${1:?usage: gae-webhook.sh INPUT URL [OUTPUT]}
incidents=${2:?usage: gae-webhook.sh INPUT URL [OUTPUT]}
output=${3:-alerts.jsonl}
exec morpheus run pipeline-gae --input "$input" --output "$output" --incidents "$incidents" \
    --refused "$output.refused" --retry_seconds 600 --alert_rate 0.1%
