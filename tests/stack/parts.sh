# shellcheck shell=bash
# How each part of the stack is started: one function a part. Each returns when
# its part answers. Needs cache.sh, lib.sh, ports.sh and STACK_HOME.

# shellcheck disable=SC2034 # up.sh uses those that nothing here does
name_ports() {
	LOG_RPC=127.0.0.1:$(port 0)
	LOG_HTTP=127.0.0.1:$(port 1)
	SIGNER_RPC=127.0.0.1:$(port 2)
	SIGNER_HTTP=127.0.0.1:$(port 3)
	OIDC=127.0.0.1:$(port 4)
	CT=127.0.0.1:$(port 5)
	FULCIO_PORT=$(port 6)
	FULCIO_GRPC=$(port 7)
	FULCIO_METRICS=$(port 8)
	REKOR_PORT=$(port 9)
	TSA_PORT=$(port 10)
	REGISTRY=127.0.0.1:$(port 11)
	REKOR_FRONT=127.0.0.1:$(port 12)
	REKOR_CONTROL=127.0.0.1:$(port 13)
	FULCIO_FRONT=127.0.0.1:$(port 14)
	FULCIO_CONTROL=127.0.0.1:$(port 15)
	TSA_FRONT=127.0.0.1:$(port 16)
	TSA_CONTROL=127.0.0.1:$(port 17)
	RELAY=127.0.0.1:$(port 18)
	RELAY_ADMIN=127.0.0.1:$(port 19)
	SPARE_REGISTRY=127.0.0.1:$(port 20)
	SPARE_BEHIND=127.0.0.1:$(port 21)
}

mariadb_here() { mariadb --no-defaults --socket="$STACK_HOME/run/db.sock" --user=root "$@"; }

# Durability is of no use here: the data lives as long as the stack.
start_db() {
	local user schema data=$STACK_HOME/db
	user=$(id -un)
	PATH=$PATH:/usr/sbin:/sbin
	mariadb-install-db --no-defaults --user="$user" --datadir="$data" \
		--auth-root-authentication-method=normal --skip-test-db >"$STACK_HOME/log/db-install.log" 2>&1 ||
		die "mariadb-install-db failed: see $STACK_HOME/log/db-install.log"
	launch db mariadbd --no-defaults --user="$user" --datadir="$data" \
		--socket="$STACK_HOME/run/db.sock" --pid-file="$STACK_HOME/run/db.pid" \
		--skip-networking --skip-log-bin --innodb-buffer-pool-size=64M \
		--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0
	up_or_die db 30 mariadb_here -e 'SELECT 1'
	mariadb_here -e 'CREATE DATABASE trillian'
	schema=$(schema_path)
	mariadb_here trillian <"$schema"
}

schema_path() {
	local version path
	version=$(tools | awk '$1 == "trillian_log_server" { print $2 }')
	path=$STACK_CACHE/trillian-schema@$version/storage.sql
	[ -s "$path" ] || die "no schema for Trillian in $path: run $STACK_DIR/install.sh"
	printf '%s\n' "$path"
}

start_trillian() {
	local common=(--quota_system=noop --storage_system=mysql
		"--mysql_uri=root@unix($STACK_HOME/run/db.sock)/trillian?parseTime=true&interpolateParams=true")
	launch log-server "$(need_tool trillian_log_server)" "${common[@]}" \
		--rpc_endpoint="$LOG_RPC" --http_endpoint="$LOG_HTTP"
	launch log-signer "$(need_tool trillian_log_signer)" "${common[@]}" \
		--rpc_endpoint="$SIGNER_RPC" --http_endpoint="$SIGNER_HTTP" --force_master
	up_or_die log-server 20 http_ok "http://$LOG_HTTP/healthz"
	up_or_die log-signer 20 http_ok "http://$SIGNER_HTTP/healthz"
}

start_oidc() {
	OIDC_REQUEST_TOKEN=$(openssl rand -hex 16)
	OIDC_REQUEST_TOKEN=$OIDC_REQUEST_TOKEN launch oidc "$(need_own oidc)" --listen "$OIDC"
	up_or_die oidc 10 http_ok "http://$OIDC/healthz"
}

# timestamp-server insists on the metrics port 2112 of all addresses, which
# Rekor takes too (and does without if it must): one such server a machine. So
# it gets a network of its own, and two bridges over a socket file lead into it.
start_tsa() {
	local tsa isolate=() to=http://127.0.0.1:$TSA_PORT socket=$STACK_HOME/run/tsa.sock
	tsa=$(need_tool timestamp-server)
	if unshare -n ip link set lo up 2>/dev/null; then
		isolate=(unshare -n)
	elif unshare -rn ip link set lo up 2>/dev/null; then
		isolate=(unshare -rn)
	fi
	if [ ${#isolate[@]} -gt 0 ]; then
		launch tsa "${isolate[@]}" "$STACK_DIR/in-own-network.sh" "$(need_own lossy)" "$socket" "$TSA_PORT" \
			"$tsa" serve --host=127.0.0.1 --port="$TSA_PORT" --timestamp-signer=memory --disable-ntp-monitoring
		to=unix:$socket
	else
		say "no network namespaces here: only one stack at a time can have a timestamp authority"
		launch tsa "$tsa" serve --host=127.0.0.1 --port="$TSA_PORT" --timestamp-signer=memory --disable-ntp-monitoring
	fi
	launch tsa-front "$(need_own lossy)" --listen "$TSA_FRONT" --control "$TSA_CONTROL" --to "$to"
	up_or_die tsa 20 http_ok "http://$TSA_FRONT/ping"
}

write_fulcio_config() {
	jq -n --arg url "http://$OIDC" \
		'{OIDCIssuers: {($url): {IssuerURL: $url, ClientID: "sigstore", Type: "email"}}}' >"$STACK_HOME/etc/fulcio.json"
}

# Fulcio starts without the CT log, which needs Fulcio's root to start.
start_fulcio() {
	write_fulcio_config
	launch fulcio "$(need_tool fulcio)" serve --host=127.0.0.1 --grpc-host=127.0.0.1 \
		--port="$FULCIO_PORT" --grpc-port="$FULCIO_GRPC" --metrics-port="$FULCIO_METRICS" \
		--legacy-unix-domain-socket="$STACK_HOME/run/fulcio.sock" \
		--ca=ephemeralca --ct-log-url="http://$CT/stack" --config-path="$STACK_HOME/etc/fulcio.json"
	up_or_die fulcio 20 http_ok "http://127.0.0.1:$FULCIO_PORT/api/v1/rootCert"
	curl -sSf "http://127.0.0.1:$FULCIO_PORT/api/v1/rootCert" >"$STACK_HOME/trust/fulcio.pem"
	launch fulcio-front "$(need_own lossy)" --listen "$FULCIO_FRONT" --control "$FULCIO_CONTROL" --to "http://127.0.0.1:$FULCIO_PORT"
	up_or_die fulcio-front 10 http_ok "http://$FULCIO_CONTROL/healthz"
}

write_ct_config() {
	local tree=$1 etc=$STACK_HOME/etc der
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$etc/ct.key" 2>/dev/null
	openssl pkey -in "$etc/ct.key" -pubout -out "$STACK_HOME/trust/ctfe.pub"
	# As bytes: ct_server takes a key from a file only with a password.
	der=$(openssl pkey -in "$etc/ct.key" -outform DER | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g')
	cat >"$etc/ct.cfg" <<-END
		config {
		  log_id: $tree
		  prefix: "stack"
		  roots_pem_file: "$STACK_HOME/trust/fulcio.pem"
		  private_key: {
		    [type.googleapis.com/keyspb.PrivateKey] { der: "$der" }
		  }
		  max_merge_delay_sec: 86400
		  expected_merge_delay_sec: 120
		}
	END
}

new_tree() {
	"$(need_tool createtree)" --admin_server="$LOG_RPC" 2>>"$STACK_HOME/log/createtree.log" ||
		die "createtree failed: see $STACK_HOME/log/createtree.log"
}

start_ct() {
	local tree
	tree=$(new_tree)
	write_ct_config "$tree"
	launch ct "$(need_tool ct_server)" --log_config="$STACK_HOME/etc/ct.cfg" \
		--log_rpc_server="$LOG_RPC" --http_endpoint="$CT"
	up_or_die ct 20 http_ok "http://$CT/stack/ct/v1/get-sth"
}

# Its key is a file and its tree is named: it is the same log after a restart.
start_rekor() {
	local tree key=$STACK_HOME/etc/rekor.key
	tree=$(new_tree)
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key" 2>/dev/null
	launch rekor "$(need_tool rekor-server)" serve --trillian_log_server.address=127.0.0.1 \
		--trillian_log_server.port="${LOG_RPC##*:}" --trillian_log_server.tlog_id="$tree" \
		--rekor_server.address=127.0.0.1 --port="$REKOR_PORT" \
		--rekor_server.hostname=rekor.local --rekor_server.signer="$key" \
		--enabled_api_endpoints=getLogInfo,getPublicKey,getLogProof,createLogEntry,getLogEntryByIndex,getLogEntryByUUID,searchLogQuery
	launch rekor-front "$(need_own lossy)" --listen "$REKOR_FRONT" --control "$REKOR_CONTROL" --to "http://127.0.0.1:$REKOR_PORT"
	up_or_die rekor 20 http_ok "http://127.0.0.1:$REKOR_PORT/api/v1/log"
	up_or_die rekor-front 10 http_ok "http://$REKOR_CONTROL/healthz"
}

start_registry() {
	cat >"$STACK_HOME/etc/registry.yml" <<-END
		version: 0.1
		storage:
		  filesystem:
		    rootdirectory: $STACK_HOME/registry
		  delete:
		    enabled: true
		http:
		  addr: $REGISTRY
	END
	launch registry docker-registry serve "$STACK_HOME/etc/registry.yml"
	up_or_die registry 10 http_ok "http://$REGISTRY/v2/"
}
