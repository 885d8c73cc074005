# shellcheck shell=bash
# shellcheck disable=SC2034 # who reads this file uses what it sets
# How each cosign signs and verifies on the stack. Needs cache.sh, lib.sh and
# the settings of env. A test calls point_cosign, then sign_blob and so on.
#
# Words: VERSION is 2.5.0, 2.6.5 or 3.1.3; VIA is direct (the services behind
# their shims), serve (the relay on STACK_RELAY), run (sigrelay run -- …), or fleet
# (run, and its upstream is the relay on STACK_RELAY).

SIGNER=signer@stack.test
COSIGNS='2.5.0 2.6.5 3.1.3'

cosign_path() { need_tool cosign "v$1"; }

# new_token FILE: cosign reads the token from a file, so it is in no argv.
new_token() { curl -sSf "$STACK_OIDC_URL/token?email=$SIGNER" >"$1"; }

# point_cosign VERSION VIA: sets COMMAND, what a sign has to be run with, and
# the environment that points it at the services.
point_cosign() {
	COSIGN_VERSION=$1
	COMMAND=("$(cosign_path "$1")")
	VERIFY_MORE=()
	unset COSIGN_REKOR_URL COSIGN_FULCIO_URL COSIGN_TIMESTAMP_SERVER_URL COSIGN_SIGNING_CONFIG
	case $2:$1 in
	run:*)
		# Nothing is set: that is what run is for.
		COMMAND=("$SIGRELAY" run "--rekor-url=$STACK_REKOR_URL" "--fulcio-url=$STACK_FULCIO_URL"
			"--tsa-url=$STACK_TSA_URL" -- "${COMMAND[@]}")
		;;
	fleet:*)
		COMMAND=("$SIGRELAY" run --for=2m "--rekor-url=http://$STACK_RELAY" "--fulcio-url=http://$STACK_RELAY"
			"--tsa-url=http://$STACK_RELAY" -- "${COMMAND[@]}")
		;;
	direct:3.*) export COSIGN_SIGNING_CONFIG=$STACK_SIGNING_CONFIG ;;
	serve:3.*) export COSIGN_SIGNING_CONFIG=$STACK_SIGNING_CONFIG_RELAY ;;
	direct:*) export COSIGN_REKOR_URL=$STACK_REKOR_URL COSIGN_FULCIO_URL=$STACK_FULCIO_URL ;;
	serve:*) export COSIGN_REKOR_URL=http://$STACK_RELAY COSIGN_FULCIO_URL=http://$STACK_RELAY ;;
	*) die "point_cosign: VIA '$2': expected direct, serve, run or fleet" ;;
	esac
}

# with_timestamps VIA: has cosign 2 ask for a timestamp too, as cosign 3 does
# anyway. Only for images: its sign-blob refuses unless told where to put one.
with_timestamps() {
	case $1:$COSIGN_VERSION in
	*:3.*) ;;
	direct:*) export COSIGN_TIMESTAMP_SERVER_URL=$STACK_TSA_URL/api/v1/timestamp ;;
	serve:*) export COSIGN_TIMESTAMP_SERVER_URL=http://$STACK_RELAY/api/v1/timestamp ;;
	esac
	case $COSIGN_VERSION in
	2.*) VERIFY_MORE=(--use-signed-timestamps) ;;
	esac
}

# Options that only some versions know or need.
sign_options() {
	case $COSIGN_VERSION in
	3.*) printf '%s\n' --trusted-root "$STACK_TRUSTED_ROOT" ;;
	esac
}

verify_options() {
	case $COSIGN_VERSION in
	3.*) printf '%s\n' --trusted-root "$STACK_TRUSTED_ROOT" --use-signed-timestamps ;;
	esac
	printf '%s\n' --certificate-identity "$SIGNER" --certificate-oidc-issuer "$STACK_OIDC_URL"
}

# sign_blob FILE: leaves FILE.bundle.
sign_blob() {
	local options
	mapfile -t options < <(sign_options)
	new_token "$1.token"
	"${COMMAND[@]}" sign-blob --yes --identity-token "$1.token" --bundle "$1.bundle" "${options[@]}" "$1"
}

verify_blob() {
	local options
	mapfile -t options < <(verify_options)
	"$(cosign_path "$COSIGN_VERSION")" verify-blob --bundle "$1.bundle" "${options[@]}" "$1"
}

crane() { "$(need_tool crane)" "$@"; }

# push_image IMAGE:TAG: an image of one small layer, a new one each time.
push_image() {
	local dir
	dir=$(mktemp -d)
	head -c 64 /dev/urandom | base64 >"$dir/data"
	tar -C "$dir" -czf "$dir/layer.tar.gz" data
	crane append --insecure --oci-empty-base -f "$dir/layer.tar.gz" -t "$1" >/dev/null
	rm -rf "$dir"
}

# new_image NAME: pushes an image; prints it with its digest.
new_image() {
	local image=$STACK_REGISTRY/$1
	push_image "$image:1"
	printf '%s@%s\n' "$image" "$(crane digest --insecure "$image:1")"
}

# sign_image IMAGE@DIGEST TOKENFILE
sign_image() {
	local options
	mapfile -t options < <(sign_options)
	new_token "$2"
	"${COMMAND[@]}" sign --yes --identity-token "$2" "${options[@]}" "$1"
}

verify_image() {
	local options
	mapfile -t options < <(verify_options)
	"$(cosign_path "$COSIGN_VERSION")" verify "${options[@]}" "${VERIFY_MORE[@]}" "$1"
}
