#!/bin/bash
# Does any of the tags exist already? Asked before the build.
set -euo pipefail
ACTION=preflight
# shellcheck source-path=SCRIPTDIR source=../common.sh
. "$(dirname "$0")/../common.sh"

find_sigrelay "${INPUT_SIGRELAY:-}"
find_ledger "${INPUT_LEDGER:-}"
args=("--ledger=$LEDGER")
word_of on_existing_tag "${INPUT_ON_EXISTING_TAG:-}" fail skip warn
[ -z "$WORD" ] || args+=("--on-existing-tag=$WORD")
word_of on_unknown "${INPUT_ON_UNKNOWN:-}" warn fail
[ -z "$WORD" ] || args+=("--on-unknown=$WORD")
list_of insecure_registry "${INPUT_INSECURE_REGISTRY:-}" 'registries as HOST or HOST:PORT, with commas or ends of lines between them'
for item in ${ITEMS[@]+"${ITEMS[@]}"}; do args+=("--insecure-registry=$item"); done
list_of images "${INPUT_IMAGES:-}" 'images as IMAGE:TAG, with commas or ends of lines between them'
[ ${#ITEMS[@]} -gt 0 ] || refuse images "${INPUT_IMAGES:-}" 'at least one IMAGE:TAG'

output ledger "$LEDGER"
exec "$SIGRELAY" preflight "${args[@]}" "${ITEMS[@]}"
