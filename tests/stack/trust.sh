# shellcheck shell=bash
# What clients need to believe the stack: keys and certificates for cosign 2,
# a trusted root and a signing config for cosign 3. Needs parts.sh.

fetch_trust() {
	local trust=$STACK_HOME/trust
	curl -sSf "http://127.0.0.1:$REKOR_PORT/api/v1/log/publicKey" >"$trust/rekor.pub"
	curl -sSf "http://$TSA_FRONT/api/v1/timestamp/certchain" >"$trust/tsa.pem"
}

# Everything is valid from a little before now: clocks here are one clock, but
# a start in the same second as a signature is no place for a test to stand.
write_trusted_root() {
	local trust=$STACK_HOME/trust since=$1
	"$(need_tool cosign v3.1.3)" trusted-root create \
		--fulcio="url=http://$FULCIO_FRONT,certificate-chain=$trust/fulcio.pem,start-time=$since" \
		--rekor="url=http://$REKOR_FRONT,public-key=$trust/rekor.pub,start-time=$since" \
		--ctfe="url=http://$CT/stack,public-key=$trust/ctfe.pub,start-time=$since" \
		--tsa="url=http://$TSA_FRONT/api/v1/timestamp,certificate-chain=$trust/tsa.pem,start-time=$since" \
		--out "$trust/trusted-root.json"
}

# write_signing_config FILE FULCIO REKOR TSA SINCE: for services at these URLs.
write_signing_config() {
	"$(need_tool cosign v3.1.3)" signing-config create \
		--fulcio="url=$2,api-version=1,start-time=$5,operator=stack" \
		--rekor="url=$3,api-version=1,start-time=$5,operator=stack" --rekor-config=ANY \
		--tsa="url=$4/api/v1/timestamp,api-version=1,start-time=$5,operator=stack" --tsa-config=ANY \
		--oidc-provider="url=http://$OIDC,api-version=1,start-time=$5,operator=stack" \
		--out "$1"
}

write_trust() {
	local since
	since=$(date -u -d '1 hour ago' +%Y-%m-%dT%H:%M:%SZ)
	fetch_trust
	write_trusted_root "$since"
	write_signing_config "$STACK_HOME/trust/signing-config.json" "http://$FULCIO_FRONT" "http://$REKOR_FRONT" "http://$TSA_FRONT" "$since"
	write_signing_config "$STACK_HOME/trust/signing-config-relay.json" "http://$RELAY" "http://$RELAY" "http://$RELAY" "$since"
}
