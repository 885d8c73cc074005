#!/bin/bash
# Starts a whole Sigstore on loopback: Trillian on MariaDB, Rekor, Fulcio, a CT
# log, a timestamp authority, an OIDC issuer, a registry, and a shim that loses
# answers in front of Rekor, Fulcio and the timestamp authority.
#
#   tests/stack/up.sh [DIR]     prints the path of the env file
#   tests/stack/down.sh DIR     ends it
#
# Several stacks may be up at once. Without DIR a temporary folder is made.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=cache.sh
. "$(dirname "$0")/cache.sh"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$STACK_DIR/lib.sh"
# shellcheck source-path=SCRIPTDIR source=ports.sh
. "$STACK_DIR/ports.sh"
# shellcheck source-path=SCRIPTDIR source=parts.sh
. "$STACK_DIR/parts.sh"
# shellcheck source-path=SCRIPTDIR source=trust.sh
. "$STACK_DIR/trust.sh"

make_home() {
	STACK_HOME=${1:-$(mktemp -d "${TMPDIR:-/tmp}/sigrelay-stack.XXXXXX")}
	mkdir -p "$STACK_HOME"
	STACK_HOME=$(cd "$STACK_HOME" && pwd)
	# Whoever makes pid has the folder: only that one may end what is in it.
	mkdir "$STACK_HOME/pid" 2>/dev/null || die "$STACK_HOME holds a stack already: $STACK_DIR/down.sh $STACK_HOME"
	OWNED=yes
	mkdir -p "$STACK_HOME"/{log,trust,db,registry,etc,run}
	# A path to a socket has to fit into 107 bytes.
	[ ${#STACK_HOME} -le 80 ] || die "$STACK_HOME is too long for the sockets in it: give a DIR of 80 characters at most"
}

# put NAME VALUE: one line of the env file, fit for any shell.
put() { printf "%s='%s'\n" "$1" "$2"; }

describe() {
	local trust=$STACK_HOME/trust
	put STACK_HOME "$STACK_HOME"
	echo '# The services, each behind its shim. The _BEHIND ones are the services themselves.'
	put STACK_REKOR_URL "http://$REKOR_FRONT"
	put STACK_FULCIO_URL "http://$FULCIO_FRONT"
	put STACK_TSA_URL "http://$TSA_FRONT"
	put STACK_REKOR_BEHIND_URL "http://127.0.0.1:$REKOR_PORT"
	put STACK_FULCIO_BEHIND_URL "http://127.0.0.1:$FULCIO_PORT"
	put STACK_REKOR_CONTROL "http://$REKOR_CONTROL"
	put STACK_FULCIO_CONTROL "http://$FULCIO_CONTROL"
	put STACK_TSA_CONTROL "http://$TSA_CONTROL"
	put STACK_CT_URL "http://$CT/stack"
	put STACK_REGISTRY "$REGISTRY"
	put STACK_OIDC_URL "http://$OIDC"
	put STACK_OIDC_ACTIONS_URL "http://$OIDC/actions?api-version=2.0"
	put STACK_OIDC_REQUEST_TOKEN "$OIDC_REQUEST_TOKEN"
	echo '# Addresses kept free for a relay.'
	put STACK_RELAY "$RELAY"
	put STACK_RELAY_ADMIN "$RELAY_ADMIN"
	echo '# … and for a test with a registry of its own, and where it is when a token server stands in front.'
	put STACK_SPARE_REGISTRY "$SPARE_REGISTRY"
	put STACK_SPARE_BEHIND "$SPARE_BEHIND"
	echo '# What cosign 2 and 3 find their trust by.'
	put SIGSTORE_REKOR_PUBLIC_KEY "$trust/rekor.pub"
	put SIGSTORE_ROOT_FILE "$trust/fulcio.pem"
	put SIGSTORE_CT_LOG_PUBLIC_KEY_FILE "$trust/ctfe.pub"
	put SIGSTORE_TSA_CERTIFICATE_FILE "$trust/tsa.pem"
	put STACK_TRUSTED_ROOT "$trust/trusted-root.json"
	put STACK_SIGNING_CONFIG "$trust/signing-config.json"
	put STACK_SIGNING_CONFIG_RELAY "$trust/signing-config-relay.json"
}

write_env() {
	(umask 077 && describe >"$STACK_HOME/env.new")
	mv "$STACK_HOME/env.new" "$STACK_HOME/env"
}

end_half_a_stack() {
	if [ -n "${OWNED:-}" ] && [ ! -e "$STACK_HOME/env" ]; then
		"$STACK_DIR/down.sh" --keep "$STACK_HOME"
		say "not up; what it left is in $STACK_HOME"
	fi
}

main() {
	[ $# -le 1 ] || die "too many arguments: $*: expected at most a DIR"
	trap end_half_a_stack EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	need_all
	make_home "$@"
	claim_ports
	name_ports
	start_db
	start_trillian
	start_oidc
	start_fulcio
	start_ct
	start_tsa
	start_rekor
	start_registry
	write_trust
	write_env
	printf '%s\n' "$STACK_HOME/env"
}

main "$@"
