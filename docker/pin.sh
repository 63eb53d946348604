#!/bin/sh
# Write images with their digests into docker/.env, which Compose reads: what is pulled later is what is there now.
#
#   docker/pin.sh                              the images that the project names by tag alone
#   docker/pin.sh KAFKA_IMAGE GRAFANA_IMAGE    others of .env.example, after a change of their tag in .env
set -eu

cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- GOFLOW2_IMAGE MORPHEUS_IMAGE
touch .env
for name in "$@"; do
    image=$(cat .env .env.example | sed -n "s/^$name=\\([^ #@]*\\).*/\\1/p" | head -n 1)
    if [ -z "$image" ]; then
        echo "$name is no image of .env.example" >&2
        exit 2
    fi
    # the digest of the list of all platforms, where there is one
    digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$image")
    if ! printf '%s' "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}'; then
        echo "$image: $digest is no digest" >&2
        exit 1
    fi
    {
        grep -v "^$name=" .env || true
        echo "$name=$image@$digest"
    } > .env.new
    mv .env.new .env
    echo "$name=$image@$digest"
done
