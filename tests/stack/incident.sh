# shellcheck shell=bash
# shellcheck disable=SC2034 # who reads this file uses what it sets
# A part paused and going on again, the log signer most of all, and what the shim
# in front of Rekor has seen. Needs lib.sh and the settings of env.

is_paused() { grep -q '^State:.T' "/proc/$(pid_of "$1")/status"; }

pause_part() {
	signal_part STOP "$1"
	wait_for "$1 to be paused" 5 is_paused "$1"
}

resume_part() { signal_part CONT "$1"; }

pause_signer() { pause_part log-signer; }

resume_signer() { resume_part log-signer; }

# counts FILTER: a value out of what the shim counts.
counts() { curl -sSf "$STACK_REKOR_CONTROL/counts" | jq -r "$1"; }

# answered ROUTE END: how many requests ended so, as in 'POST /api/v1/log/entries' 409.
answered() { counts ".answers[\"$1 $2\"] // 0"; }

CREATE='POST /api/v1/log/entries'
LOOKUP='GET /api/v1/log/entries/{id}'

# creates_seen: how many creates have come to the shim, ended or not.
creates_seen() {
	counts "([.answers | to_entries[] | select(.key | startswith(\"$CREATE \")) | .value] | add // 0) + (.open[\"$CREATE\"] // 0)"
}

# lose SERVICE VERSION QUERY: arms the shim of rekor, fulcio or tsa, with the path
# that this cosign uses.
lose() {
	case $1:$2 in
	rekor:*) post "$STACK_REKOR_CONTROL/lose?$3" ;;
	fulcio:2.*) post "$STACK_FULCIO_CONTROL/lose?path=/api/v1/signingCert&$3" ;;
	fulcio:*) post "$STACK_FULCIO_CONTROL/lose?path=/api/v2/signingCert&$3" ;;
	tsa:*) post "$STACK_TSA_CONTROL/lose?path=/api/v1/timestamp&$3" ;;
	*) die "lose '$1': expected rekor, fulcio or tsa" ;;
	esac
}

# The answer has been lost, and the client has come back for more since.
has_come_back() { [ "$(counts '.lost >= 1 and .requests >= 3')" = true ]; }

transcript() { curl -sSf "$STACK_REKOR_CONTROL/requests"; }

# log_size: how many entries the log has, as Rekor itself says.
log_size() { curl -sSf "$STACK_REKOR_BEHIND_URL/api/v1/log" | jq -r .treeSize; }

# has_entry INDEX: can the log's entry of that index be read?
has_entry() { http_ok "$STACK_REKOR_BEHIND_URL/api/v1/log/entries?logIndex=$1"; }
