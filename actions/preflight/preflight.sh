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
registries_of "${INPUT_INSECURE_REGISTRY:-}"
for item in ${ITEMS[@]+"${ITEMS[@]}"}; do args+=("--insecure-registry=$item"); done
wanted='images as IMAGE:TAG, with commas or ends of lines between them'
list_of images "${INPUT_IMAGES:-}" "$wanted"
for item in ${ITEMS[@]+"${ITEMS[@]}"}; do
	[[ ${item##*/} =~ ^[^:@]+:[^:@]+$ && $item != *://* ]] || refuse images "$item" "$wanted"
done
[ ${#ITEMS[@]} -gt 0 ] || refuse images "${INPUT_IMAGES:-}" 'at least one IMAGE:TAG'

output ledger "$LEDGER"
exec "$SIGRELAY" preflight "${args[@]}" "${ITEMS[@]}"
