#!/bin/bash
# Takes back what a failed run has pushed.
set -euo pipefail
ACTION=cleanup
# shellcheck source-path=SCRIPTDIR source=../common.sh
. "$(dirname "$0")/../common.sh"

# nothing WHY: the end where there is nothing to do.
nothing() {
	tell notice "nothing is taken back: $1"
	exit 0
}

args=()
registries_of "${INPUT_INSECURE_REGISTRY:-}"
for item in ${ITEMS[@]+"${ITEMS[@]}"}; do args+=("--insecure-registry=$item"); done
word_of dry_run "${INPUT_DRY_RUN:-}" true false
dry_run=$WORD
[ "$dry_run" != true ] || args+=(--dry-run)
word_of job_result "${INPUT_JOB_RESULT:-}" success failure cancelled skipped
result=${WORD:-${JOB_STATUS:-}}
word_of cleanup_on_failure "${INPUT_CLEANUP_ON_FAILURE:-}" true false
[ "$WORD" = true ] || nothing 'the input cleanup_on_failure is not true'
[ "$result" != success ] || [ "$dry_run" = true ] ||
	nothing 'the job has not failed (job_result or job.status is success)'

find_ledger "${INPUT_LEDGER:-}"
[ -e "$LEDGER" ] || nothing "there is no ledger $LEDGER, so this run has noted no push"
find_sigrelay "${INPUT_SIGRELAY:-}"
exec "$SIGRELAY" cleanup "--ledger=$LEDGER" ${args[@]+"${args[@]}"}
