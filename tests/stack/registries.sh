# shellcheck shell=bash
# Registries of a test's own, on STACK_SPARE_REGISTRY, empty each time; their data
# is in the test's folder or in memory. They end with the test. Needs lib.sh, cosign.sh and the
# settings of env.
#
# KIND  what it is, and how one takes a tag back there
#   2           distribution 2.8 (Debian's): by digest alone
#   2-readonly  the same with deletes off, as it comes
#   2-token     the same as 2, behind a token server
#   3           distribution 3: by tag and by digest
#   crane       the one of go-containerregistry: by tag and by digest
#   referrers   the same with the API for referrers, which no other here has

# distribution_config ADDRESS DELETES: for both versions.
distribution_config() {
	cat <<-END
		version: 0.1
		storage:
		  filesystem:
		    rootdirectory: $PWD/registry
		  delete:
		    enabled: $2
		http:
		  addr: $1
	END
}

token_config() {
	cat <<-END
		auth:
		  token:
		    realm: http://$STACK_SPARE_REGISTRY/token
		    service: stack
		    issuer: stack
		    rootcertbundle: $PWD/tokens.pem
	END
}

start_tokens() {
	REGISTRY_PASSWORD=$(openssl rand -hex 16)
	PASSWORD=$REGISTRY_PASSWORD launch tokens "$(need_own tokens)" --listen "$STACK_SPARE_REGISTRY" \
		--to "$STACK_SPARE_BEHIND" --cert "$PWD/tokens.pem"
	up_or_die tokens 10 http_ok "http://$STACK_SPARE_REGISTRY/healthz"
}

# log_in USER: into docker's own file.
log_in() {
	mkdir -p "$HOME/.docker"
	jq -n --arg host "$STACK_SPARE_REGISTRY" --arg auth "$(printf '%s:%s' "$1" "$REGISTRY_PASSWORD" | base64 -w0)" \
		'{auths: {($host): {auth: $auth}}}' >"$HOME/.docker/config.json"
}
log_out() { rm -f "$HOME/.docker/config.json"; }

registry_answers() { [ "$(http_status GET "$STACK_SPARE_REGISTRY" /v2/)" = "$1" ]; }

# http_status METHOD REGISTRY PATH
http_status() {
	curl -s -m 10 -o /dev/null -w '%{http_code}' -X "$1" -H 'Accept: */*' "http://$2$3"
}

# start_own_registry KIND
start_own_registry() {
	local address=$STACK_SPARE_REGISTRY deletes=true program=(docker-registry serve) answer=200
	mkdir registry
	case $1 in
	2 | 2-token) ;;
	2-readonly) deletes=false ;;
	3) program=("$(need_tool registry)" serve) ;;
	crane) program=("$(need_tool crane)" registry serve --address "$STACK_SPARE_REGISTRY" --disk "$PWD/registry") ;;
	referrers) program=("$(need_own referrers)" --listen "$STACK_SPARE_REGISTRY") ;;
	*) die "start_own_registry '$1': expected 2, 2-readonly, 2-token, 3, crane or referrers" ;;
	esac
	if [ "$1" = 2-token ]; then
		start_tokens
		token_config >registry.yml
		address=$STACK_SPARE_BEHIND answer=401
	fi
	case $1 in
	2* | 3)
		distribution_config "$address" "$deletes" >>registry.yml
		program+=(registry.yml)
		;;
	esac
	launch own-registry env OTEL_TRACES_EXPORTER=none "${program[@]}"
	up_or_die own-registry 10 registry_answers "$answer"
}

end_own_registry() {
	end_part own-registry
	end_part tokens
}
