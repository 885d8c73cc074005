#!/bin/bash
# Signs images, each by a run of its own, or runs a command that signs.
set -euo pipefail
ACTION=sign
# shellcheck source-path=SCRIPTDIR source=../common.sh
. "$(dirname "$0")/../common.sh"

SUMMARY=
ALL_SIGNED=true
STOPPED=
CHILD=
HEARD=

# seconds_of DURATION: rounded down; fails where sigrelay would not take it.
seconds_of() {
	[[ $1 =~ ^([0-9]{1,7})(h|m|s|ms)$ || $1 =~ ^(0)()$ ]] || return 1
	local n=$((10#${BASH_REMATCH[1]}))
	case ${BASH_REMATCH[2]} in
	h) n=$((n * 3600)) ;;
	m) n=$((n * 60)) ;;
	ms) n=$((n / 1000)) ;;
	esac
	printf '%s' "$n"
}

# run_options: sets ARGS for the next run. All runs of the step share max_wait.
run_options() {
	local left=$MAX_WAIT
	[ "$SECONDS" -eq 0 ] || left=$((MAX_SECONDS > SECONDS ? MAX_SECONDS - SECONDS : 0))s
	ARGS=("--ledger=$LEDGER" "--for=$left")
	[ -z "$ON_OUTAGE" ] || ARGS+=("--on-outage=$ON_OUTAGE")
}

# attend COMMAND...: its exit code. The runner's signal reaches this process alone,
# so it is passed on. Job control, or the child would be deaf to SIGINT.
attend() {
	local code=0 again
	HEARD=
	set -m
	"$@" </dev/null &
	CHILD=$!
	set +m
	wait "$CHILD" || code=$?
	# A signal ends the wait, not the child; 127: it had ended before the signal.
	while [ -n "$HEARD" ]; do
		HEARD=''
		again=0
		wait "$CHILD" 2>/dev/null || again=$?
		[ "$again" -eq 127 ] || code=$again
	done
	CHILD=
	return "$code"
}

# shellcheck disable=SC2317 # the traps call it
pass_on() {
	HEARD=yes
	STOPPED=$((128 + $2))
	[ -z "$CHILD" ] || kill -s "$1" "$CHILD" 2>/dev/null || :
}

# finish CODE: the step's end.
finish() {
	output signed "$ALL_SIGNED"
	if [ -n "$SUMMARY" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
		printf '| signed by sigrelay | |\n|---|---|\n%s\n' "$SUMMARY" >>"$GITHUB_STEP_SUMMARY"
	fi
	exit "$1"
}

# sign WHAT COMMAND...: runs it and notes whether WHAT is signed now.
sign() {
	local what=$1 code=0 said
	shift
	run_options
	: >"$SAID"
	GITHUB_OUTPUT=$SAID attend "$SIGRELAY" run "${ARGS[@]}" -- "$@" || code=$?
	said=$(tail -n 1 "$SAID")
	if [ "$code:$said" = 0:signed=true ]; then
		SUMMARY+="| \`$what\` | yes |"$'\n'
		return
	fi
	ALL_SIGNED=false
	SUMMARY+="| \`$what\` | **no** |"$'\n'
	if [ "$code:$said:$ON_OUTAGE" = 0:signed=false:continue ]; then
		tell warning "not signed: $what: Sigstore did not recover within max_wait, and on_outage is continue"
		return
	fi
	tell error "not signed: $what: sigrelay run ended with exit code $code; its words are above"
	finish "$((code ? code : 1))"
}

sign_images() {
	local image
	for image; do
		[ -z "$STOPPED" ] || { ALL_SIGNED=false && finish "$STOPPED"; }
		sign "$image" cosign sign --yes "$image"
	done
}

# what_to_sign: sets COMMAND or ITEMS.
what_to_sign() {
	local image wanted='IMAGE@sha256:DIGEST, with commas or ends of lines between them (a tag may name another image by the time it is signed)'
	COMMAND=${INPUT_COMMAND:-}
	list_of images "${INPUT_IMAGES:-}" "$wanted"
	for image in ${ITEMS[@]+"${ITEMS[@]}"}; do
		[[ $image =~ ^[[A-Za-z0-9][]A-Za-z0-9._:/[-]*@sha256:[0-9a-f]{64}$ ]] || refuse images "$image" "$wanted"
	done
	if [ -z "$(trimmed "$COMMAND")" ]; then
		[ ${#ITEMS[@]} -gt 0 ] || refuse images "${INPUT_IMAGES:-}" "$wanted; or a command in the input command"
	elif [ ${#ITEMS[@]} -gt 0 ]; then
		refuse images "$INPUT_IMAGES" 'nothing, because the input command is there too: one of them says what to sign'
	fi
}

how_long() {
	MAX_WAIT=$(trimmed "${INPUT_MAX_WAIT:-}")
	MAX_WAIT=${MAX_WAIT:-30m}
	MAX_SECONDS=$(seconds_of "$MAX_WAIT") || refuse max_wait "$INPUT_MAX_WAIT" 'a duration such as 90s, 30m or 2h, or nothing'
}

find_sigrelay "${INPUT_SIGRELAY:-}"
find_ledger "${INPUT_LEDGER:-}"
word_of on_outage "${INPUT_ON_OUTAGE:-}" fail continue
ON_OUTAGE=$WORD
how_long
what_to_sign
# They are this script's; the command has an environment of its own.
unset INPUT_SIGRELAY INPUT_LEDGER INPUT_ON_OUTAGE INPUT_MAX_WAIT INPUT_COMMAND INPUT_IMAGES

SAID=$(mktemp "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/sigrelay-sign.XXXXXX")
trap 'rm -f "$SAID"' EXIT
trap 'pass_on INT 2' INT
trap 'pass_on TERM 15' TERM
SECONDS=0
if [ ${#ITEMS[@]} -gt 0 ]; then
	sign_images "${ITEMS[@]}"
else
	sign 'what the command signs' bash --noprofile --norc -eo pipefail -c "$COMMAND"
fi
finish 0
