# shellcheck shell=bash
# bash completion for sigrelay(1). The lists are held to the program's tables by
# the unit test commands_documents.

_sigrelay_settings='--config
--rekor-url --fulcio-url --tsa-url --listen --admin-listen --allow-insecure-listen
--allow-from --tls-cert-file --tls-key-file --tls-client-ca-file --tls-min-version
--admin-tls --attempt-timeout --connect-timeout --retry-for --backoff-base --throttle-base
--backoff-max --poll-interval --lookup-wait --hedge-after --breaker-failures
--breaker-rate --breaker-window --breaker-min-requests --probe-interval --probe-max
--retry-budget --retry-budget-floor --rate-limit --rate-burst --max-attempts-in-flight
--notafter-margin --max-clients --max-parked --max-parked-memory --max-body --header-timeout --memory-entries
--drain-timeout --log-level --log-format --log-repeats --ledger --run-id --dockerhub-url
--dockerhub-registry-url --github-api-url --ca-file --upstream-cert-file --upstream-key-file
--upstream-tls-min-version
--redis-url --redis-password-file --redis-timeout --redis-prefix'

_sigrelay() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words i
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'run serve env status check-config preflight pushed cleanup demo version help --help --version' -- "$word")
		return
	fi
	# What stands behind "--" is another program's command line.
	if [ "$command" = run ]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			if [ "${COMP_WORDS[i]}" = -- ]; then
				_command_offset $((i + 1)) 2>/dev/null || mapfile -t COMPREPLY < <(compgen -c -- "$word")
				return
			fi
		done
	fi
	case $previous in
	--client) words='auto cosign2 cosign3 none' ;;
	--on-outage) words='fail continue' ;;
	--on-existing-tag) words='fail skip warn' ;;
	--on-unknown) words='warn fail' ;;
	--log-level) words='error warn info debug' ;;
	--log-format) words='text json' ;;
	--tls-min-version | --upstream-tls-min-version) words='1.2 1.3' ;;
	--config | --ca-file | --ledger | --*-cert-file | --*-key-file | --redis-password-file | --tls-client-ca-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	*)
		case $command in
		run) words="-- --client --for --on-outage --help $_sigrelay_settings" ;;
		env) words="--client --help $_sigrelay_settings" ;;
		status) words="--json --help $_sigrelay_settings" ;;
		serve) words="--help $_sigrelay_settings" ;;
		preflight)
			words="--on-existing-tag --on-unknown --json --insecure-registry --registry-timeout"
			words="$words --timeout --help $_sigrelay_settings"
			;;
		cleanup) words="--dry-run --json --timeout --insecure-registry --help $_sigrelay_settings" ;;
		pushed) words="--no-verify --insecure-registry --help $_sigrelay_settings" ;;
		check-config)
			words="--help $_sigrelay_settings"
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			;;
		help) words='run serve env status check-config preflight pushed cleanup demo version help' ;;
		*) words=--help ;;
		esac
		;;
	esac
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _sigrelay sigrelay
