#!/usr/bin/env bash
# Side by side with HAProxy, in one run, on the same upstream: what a request
# costs, what the relay adds to its latency, what it holds in memory.
#
#   bench.sh [SIGRELAY]        default: build/release/sigrelay
#
# Prints a table of medians and ratios. BENCH_ROUNDS (5), BENCH_SECONDS (2, a
# run), BENCH_HELD (2000), BENCH_PARKED (10000) and BENCH_IDLE (30, seconds) change
# its length; BENCH_PORT (18700) is the first of the loopback ports it takes.
# BENCH_OUT=FILE keeps every single reading. BENCH_ONLY=parked: only the exchanges
# that are parked. BENCH_ONLY=start: only how long `run` takes to its command.
# Nothing leaves this machine. Missing tools are installed when run as root on
# Debian: haproxy wrk python3 curl openssl iproute2 gcc pkg-config libevent-dev
# libssl-dev.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sigrelay=${1:-$here/../../build/release/sigrelay}
rounds=${BENCH_ROUNDS:-5} seconds=${BENCH_SECONDS:-2} held=${BENCH_HELD:-2000}
parked=${BENCH_PARKED:-10000} idle=${BENCH_IDLE:-30} only=${BENCH_ONLY:-}
port=${BENCH_PORT:-18700}
readings=${BENCH_OUT:-}

say() { printf 'bench: %s\n' "$*" >&2; }

# --- tools, files, processes ---------------------------------------------------

need_tools() {
	local missing=() tool
	for tool in haproxy wrk python3 curl openssl ss:iproute2 cc:gcc pkg-config; do
		command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
	done
	pkg-config --exists libevent_openssl libssl 2>/dev/null || missing+=(libevent-dev libssl-dev)
	[ ${#missing[@]} -eq 0 ] && return
	say "installing: ${missing[*]}"
	apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

work=$(mktemp -d)
pids=()
finish() {
	stop "${pids[@]}"
	rm -rf "$work"
}
trap finish EXIT
[ -n "$readings" ] || readings=$work/readings

# start NAME COMMAND...: in the background, its process id in $pid.
start() {
	local name=$1
	shift
	"$@" >"$work/$name.out" 2>&1 &
	pid=$!
	pids+=("$pid")
}

stop() { # PID...: ends a process of ours, and waits until its port is free
	local pid
	for pid; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

listening() { # PORT NAME
	local i
	for ((i = 0; i < 200; i++)); do
		[ -n "$(ss -Hltn "( sport = :$1 )")" ] && return
		sleep 0.05
	done
	say "$2 does not listen on port $1:"
	cat "$work/$2.out" >&2
	exit 1
}

# haproxy NAME PORT SERVER-OPTIONS: pid in $pid. One thread, kept connections on
# both sides, every idle one reusable, no logs.
haproxy_up() {
	cat >"$work/$1.cfg" <<-EOF
		global
		  nbthread 1
		  maxconn $((held + 500))
		defaults
		  mode http
		  timeout connect 5s
		  timeout client 600s
		  timeout server 600s
		  timeout queue 600s
		  http-reuse always
		frontend clients
		  bind 127.0.0.1:$2
		  default_backend log
		backend log
		  server rekor $3
	EOF
	start "$1" haproxy -db -f "$work/$1.cfg"
	listening "$2" "$1"
}

# relay_up NAME PORT REKOR_URL OPTION...: pid in $pid.
relay_up() {
	start "$1" "$sigrelay" serve --listen "127.0.0.1:$2" --admin-listen "127.0.0.1:$(($2 + 1))" \
		--rekor-url "$3" --ca-file "$work/cert.pem" "${@:4}"
	listening "$2" "$1"
}

# The limits are for the public log, not for a benchmark: no rate limit, as many
# attempts at once as wanted.
boundless=(--rate-limit 0 --max-attempts-in-flight 4096)

# --- readings --------------------------------------------------------------------

note() { printf '%s %s\n' "$1" "$2" >>"$readings"; } # KEY VALUE

middle() { # of the numbers on standard input
	sort -g | awk '{ v[n++] = $1 } END { print !n ? "nan" : (n % 2) ? v[(n-1)/2] : (v[n/2-1] + v[n/2]) / 2 }'
}

median() { awk -v k="$1" '$1 == k { print $2 }' "$readings" | middle; } # KEY

# The median of each round's own ratio: what else the machine does then counts
# for both.
median_ratio() { # KEY-OVER KEY-UNDER
	paste <(awk -v k="$1" '$1 == k { print $2 }' "$readings") <(awk -v k="$2" '$1 == k { print $2 }' "$readings") |
		awk '$2 > 0 { print $1 / $2 }' | middle
}

cpu_us() { # PID: utime + stime of the process, in microseconds
	local stat
	stat=$(<"/proc/$1/stat")
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo $(((${12} + ${13}) * 1000000 / $(getconf CLK_TCK)))
}

# The same by the scheduler's clock: a process that hardly does anything uses less
# than a tick.
cpu_ns() { cat "/proc/$1/task"/*/schedstat | awk '{ sum += $1 } END { printf "%d", sum }'; }

rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

settled_rss() { # PID: once it has stopped moving
	local last='' now i
	for ((i = 0; i < 60; i++)); do
		now=$(rss_kib "$1")
		[ "$now" = "$last" ] && break
		last=$now
		sleep 0.5
	done
	echo "$now"
}

first_body=1
# load KEY PORT CONCURRENCY KIND [PID]: one run; notes KEY.p50, KEY.p99 and with
# PID the process's CPU time a request, KEY.cpu.
load() {
	local key=$1 to=$2 many=$3 kind=$4 proxy=${5:-} before=0 line requests failures p50 p99
	[ -z "$proxy" ] || before=$(cpu_us "$proxy")
	line=$(wrk -t1 -c"$many" -d"${seconds}s" --timeout 10s -s "$here/load.lua" "http://127.0.0.1:$to" \
		-- "$kind" "$first_body" "$work/create.json" | grep '^RESULT')
	read -r _ requests failures p50 p99 <<<"$line"
	first_body=$((first_body + 10000000))
	if [ "$failures" -ne 0 ] || [ "$requests" -lt 10 ]; then
		say "$key: $failures of $requests requests failed: no figure"
		return 1
	fi
	note "$key.p50" "$p50"
	note "$key.p99" "$p99"
	[ -z "$proxy" ] || note "$key.cpu" "$(awk -v c=$(($(cpu_us "$proxy") - before)) -v n="$requests" 'BEGIN { printf "%.2f", c / n }')"
}

# --- parts -----------------------------------------------------------------------

make_files() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
		-keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
	local key
	key=$(base64 -w0 <"$work/cert.pem")
	# A hashedrekord as cosign posts it; the hash is what makes each one differ.
	printf '{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"%%s"}},"signature":{"content":"MEUCIQDZxfxbYZIwo1gNlR5zlKufd+THHlUtdso/DWiU+Y2SowIgWbYwx/ECC18n8r2esaLloJVlpI8wKOw9eqwMsaKzfGs=","publicKey":{"content":"%s"}}}}' \
		"$key" >"$work/create.json"
	# shellcheck disable=SC2046
	cc -O2 -o "$work/upstream" "$here/upstream.c" $(pkg-config --cflags --libs libevent libevent_openssl libssl libcrypto)
}

upstreams() {
	plain=$port tls=$((port + 1)) stalled=$((port + 2)) stalled_tls=$((port + 3)) slow=$((port + 5))
	start plain "$work/upstream" "$plain"
	start tls "$work/upstream" $tls tls "$work/cert.pem" "$work/key.pem"
	start stalled "$work/upstream" $stalled stall
	start stalled_tls "$work/upstream" $stalled_tls tls "$work/cert.pem" "$work/key.pem" stall
	start slow python3 "$here/delay.py" $slow $tls 20
	listening "$plain" plain
	listening $tls tls
	listening $stalled stalled
	listening $stalled_tls stalled_tls
	listening $slow slow
}

verified="ssl verify required ca-file $work/cert.pem verifyhost localhost sni str(localhost)"

# PATH UPSTREAM-PORT: warm-up is a run that is not noted.
measure_path() {
	local path=$1 up=$2 scheme=http options='' h s round many
	[ "$path" = plain ] || { scheme=https options=$verified; }
	haproxy_up "haproxy-$path" $((port + 20)) "127.0.0.1:$up $options"
	h=$pid
	relay_up "sigrelay-$path" $((port + 30)) "$scheme://localhost:$up" "${boundless[@]}"
	s=$pid
	for ((round = 0; round < rounds; round++)); do
		for many in 1 64; do
			[ "$path" != plain ] || load "direct.c$many" "$up" $many mix
			load "haproxy.$path.c$many" $((port + 20)) $many mix "$h"
			load "sigrelay.$path.c$many" $((port + 30)) $many mix "$s"
		done
	done
	stop "$h" "$s"
}

# Creates, and after each run of them the plain requests again: sigrelay then
# has thousands of entries in memory, among which it allocates.
measure_creates() {
	local h s round
	haproxy_up haproxy-create $((port + 20)) "127.0.0.1:$plain"
	h=$pid
	relay_up sigrelay-create $((port + 30)) "http://localhost:$plain" "${boundless[@]}"
	s=$pid
	for ((round = 0; round < rounds; round++)); do
		load haproxy.create $((port + 20)) 64 create "$h"
		load sigrelay.create $((port + 30)) 64 create "$s"
		load haproxy.aged $((port + 20)) 64 mix "$h"
		load sigrelay.aged $((port + 30)) 64 mix "$s"
	done
	stop "$h" "$s"
}

# hold_open PROXY-PID PORT COUNT [CREATE]: COUNT requests, held until let_go; how
# much they have added to the proxy, in KiB, in $added.
hold_open() {
	local before
	before=$(settled_rss "$1")
	coproc HOLD { exec python3 "$here/hold.py" "${@:2}"; }
	holder=$HOLD_PID
	read -r -t 120 -u "${HOLD[0]}" _ || { say "cannot hold $3 requests at port $2"; return 1; }
	added=$(($(settled_rss "$1") - before))
}

# Ends them; fails if one of them had got an answer.
let_go() {
	# shellcheck disable=SC1083,SC2093 # closes the helper's input: it reports and ends
	exec {HOLD[1]}>&-
	wait "$holder" || { say "held requests were answered: no figure"; return 1; }
}

# hold KEY PID PORT: notes how much each of $held requests adds to PID.
hold() {
	hold_open "$2" "$3" "$held" || return 1
	let_go || return 1
	note "$1" "$(awk -v k="$added" -v n="$held" 'BEGIN { printf "%.2f", k / n }')"
}

# As many as a relay with default settings takes: what an entry costs beside its
# body, and what the process does while nothing happens but time and probes.
measure_parked() {
	local before body
	body=$(($(wc -c <"$work/create.json") + 62)) # %s becomes 64 digits
	relay_up sigrelay-crowd $((port + 30)) "http://localhost:$dead"
	hold_open "$pid" $((port + 30)) "$parked" "$work/create.json"
	note sigrelay.crowd "$(awk -v k="$added" -v n="$parked" -v b="$body" 'BEGIN { printf "%.2f", k / n - b / 1024 }')"
	before=$(cpu_ns "$pid")
	# The length of the wait is what is measured.
	sleep "$idle"
	note sigrelay.idle "$(awk -v c=$(($(cpu_ns "$pid") - before)) -v s="$idle" 'BEGIN { printf "%.2f", c / 1000 / s }')"
	let_go
	stop "$pid"
}

measure_memory() {
	local h s url
	haproxy_up haproxy-memory $((port + 20)) "127.0.0.1:$plain"
	h=$pid
	relay_up sigrelay-memory $((port + 30)) "http://localhost:$plain" "${boundless[@]}"
	s=$pid
	for url in 20 30; do curl -sf -o /dev/null "http://127.0.0.1:$((port + url))/api/v1/log"; done
	note haproxy.rss "$(settled_rss "$h")"
	note sigrelay.rss "$(settled_rss "$s")"
	stop "$h" "$s"

	haproxy_up haproxy-held $((port + 20)) "127.0.0.1:$stalled"
	hold haproxy.held "$pid" $((port + 20))
	stop "$pid"
	relay_up sigrelay-held $((port + 30)) "http://localhost:$stalled" "${boundless[@]}"
	hold sigrelay.held "$pid" $((port + 30))
	stop "$pid"

	haproxy_up haproxy-held-tls $((port + 20)) "127.0.0.1:$stalled_tls $verified"
	hold haproxy.held_tls "$pid" $((port + 20))
	stop "$pid"
	relay_up sigrelay-held-tls $((port + 30)) "https://localhost:$stalled_tls" "${boundless[@]}"
	hold sigrelay.held_tls "$pid" $((port + 30))
	stop "$pid"

	# HAProxy parks nothing; its nearest is a queue before a server that is full.
	haproxy_up haproxy-queue $((port + 20)) "127.0.0.1:$stalled maxconn 1"
	hold haproxy.parked "$pid" $((port + 20))
	stop "$pid"
	relay_up sigrelay-parked $((port + 30)) "http://localhost:$dead" "${boundless[@]}"
	hold sigrelay.parked "$pid" $((port + 30))
	stop "$pid"
}

call_ms() { # URL CURL-OPTION...
	curl -sf -o /dev/null -w '%{time_total}\n' --noproxy '*' "$@" | awk '{ printf "%.2f", $1 * 1000 }'
}

measure_distance() {
	local h s i
	haproxy_up haproxy-slow $((port + 20)) "127.0.0.1:$slow $verified"
	h=$pid
	relay_up sigrelay-slow $((port + 30)) "https://localhost:$slow" "${boundless[@]}"
	s=$pid
	call_ms "http://127.0.0.1:$((port + 20))/api/v1/log" >/dev/null
	call_ms "http://127.0.0.1:$((port + 30))/api/v1/log" >/dev/null
	for ((i = 0; i < 11; i++)); do
		note direct.far "$(call_ms "https://localhost:$slow/api/v1/log" --cacert "$work/cert.pem")"
		note haproxy.far "$(call_ms "http://127.0.0.1:$((port + 20))/api/v1/log")"
		note sigrelay.far "$(call_ms "http://127.0.0.1:$((port + 30))/api/v1/log")"
	done
	stop "$h" "$s"
}

# --- the table -------------------------------------------------------------------

# row LABEL UNIT HAPROXY SIGRELAY [TARGET [RATIO]]: TARGET is "ratio N" or "value N".
row() {
	awk -v label="$1" -v unit="$2" -v h="$3" -v s="$4" -v target="${5:-}" -v given="${6:-}" 'BEGIN {
		ratio = given != "" ? sprintf("%.2f", given) : (h == "-" || h + 0 <= 0) ? "-" : sprintf("%.2f", s / h)
		split(target, t, " ")
		verdict = ""
		if (t[1] == "ratio") verdict = (ratio != "-" && ratio + 0 <= t[2] + 0) ? "reached" : "NOT reached"
		if (t[1] == "value") verdict = (s + 0 <= t[2] + 0) ? "reached" : "NOT reached"
		goal = t[1] == "ratio" ? "<= " t[2] "x" : t[1] == "value" ? "<= " t[2] " " unit : ""
		printf "| %-46s | %9s | %9s | %6s | %-12s | %-11s |\n", label " (" unit ")",
			h == "-" ? "-" : sprintf("%.1f", h), sprintf("%.1f", s), ratio, goal, verdict }'
}

cpu_row() { # LABEL KEY [TARGET]
	row "$1" us "$(median "haproxy.$2.cpu")" "$(median "sigrelay.$2.cpu")" "${3:-}" \
		"$(median_ratio "sigrelay.$2.cpu" "haproxy.$2.cpu")"
}

added() { # KEY DIRECT-KEY: microseconds on top of the direct call
	awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.1f", a - b }'
}

latency_rows() { # PATH: the direct call is the plain one; TLS is part of what is added
	local path=$1 many p target
	for many in 1 64; do
		for p in p50 p99; do
			target=
			[ "$path.$many.$p" != plain.1.p50 ] || target='ratio 1.3'
			row "added latency, $path, $p at c=$many" us \
				"$(added "haproxy.$path.c$many.$p" "direct.c$many.$p")" \
				"$(added "sigrelay.$path.c$many.$p" "direct.c$many.$p")" "$target"
		done
	done
}

# From the start of a program until its child, or itself, has begun: date tells when.
began_ms() { # PROGRAM [ARG...]
	local before after
	before=$(date +%s%N)
	after=$("$@" date +%s%N 2>/dev/null)
	awk -v a="$before" -v b="$after" 'BEGIN { printf "%.2f\n", (b - a) / 1e6 }'
}

measure_start() {
	local i
	for ((i = 0; i < 40; i++)); do
		note direct.start "$(began_ms env)"
		note sigrelay.start "$(began_ms "$sigrelay" run --client=none --)"
	done
}

start_rows() {
	row 'from `sigrelay run` to its command (over: env)' ms "$(median direct.start)" "$(median sigrelay.start)" 'value 20'
}

parked_rows() {
	row "a create parked, of $parked, beside its body" KiB - "$(median sigrelay.crowd)" 'value 8'
	row "CPU a second with $parked parked, over $idle s" us - "$(median sigrelay.idle)"
}

machine() {
	# shellcheck disable=SC1091
	echo "$(date -u '+%Y-%m-%d %H:%M UTC'); $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) cores, Linux $(uname -r), $(. /etc/os-release && echo "$PRETTY_NAME"); load average at the end $(cut -d' ' -f1 /proc/loadavg)"
	echo "$("$sigrelay" version | sed 's/ zlib.*nghttp2/ nghttp2/; s/ librtmp.*//' | paste -sd, | sed 's/,/, /g'); $(haproxy -v | head -1 | cut -d' ' -f1-3); $(wrk -v 2>&1 | head -1 | cut -d' ' -f1-2)"
}

table_head() {
	printf '| %-46s | %9s | %9s | %6s | %-12s | %-11s |\n' what haproxy sigrelay ratio target verdict
	echo '|---|---|---|---|---|---|'
}

table() {
	machine
	echo "Medians of $rounds interleaved rounds of $seconds s; $held requests held; sigrelay with rate_limit = 0, max_attempts_in_flight = 4096, else defaults"
	echo
	table_head
	cpu_row 'CPU a request, plain, c=64' plain.c64 'ratio 1.8'
	cpu_row 'CPU a request, plain, c=1' plain.c1 'ratio 1.8'
	cpu_row 'CPU a request, TLS upstream, c=64' tls.c64 'ratio 1.5'
	cpu_row 'CPU a request, TLS upstream, c=1' tls.c1 'ratio 1.5'
	cpu_row 'CPU a create (checked by sigrelay alone), c=64' create
	cpu_row 'CPU a request, plain, c=64, after those creates' aged
	latency_rows plain
	latency_rows tls
	row 'RSS idle' MiB "$(awk -v k="$(median haproxy.rss)" 'BEGIN { print k / 1024 }')" \
		"$(awk -v k="$(median sigrelay.rss)" 'BEGIN { print k / 1024 }')" 'value 12'
	row 'a request held at a stalling upstream' KiB "$(median haproxy.held)" "$(median sigrelay.held)" 'value 16'
	row 'the same at a TLS upstream' KiB "$(median haproxy.held_tls)" "$(median sigrelay.held_tls)"
	row 'a request parked (HAProxy: queued)' KiB "$(median haproxy.parked)" "$(median sigrelay.parked)" 'value 16'
	parked_rows
	start_rows
	row 'a call at 40 ms, warm' ms "$(median haproxy.far)" "$(median sigrelay.far)"
	echo
	awk -v d="$(median direct.far)" -v s="$(median sigrelay.far)" 'BEGIN {
		printf "A call at 40 ms through a warm relay: %.1f ms, a fresh direct TLS one: %.1f ms, ratio %.2f (target <= 0.4: %s)\n",
			s, d, s / d, s / d <= 0.4 ? "reached" : "NOT reached" }'
	echo "Direct: p50 $(median direct.c1.p50) us at c=1, $(median direct.c64.p50) us at c=64."
}

[ -x "$sigrelay" ] || { say "no program at $sigrelay: cmake --preset release && cmake --build --preset release"; exit 1; }
ulimit -n "$(ulimit -Hn)"
most=$((2 * held > parked ? 2 * held + 1000 : parked + 1000))
[ "$(ulimit -n)" -ge $most ] || { say "needs $most open files: ulimit -n"; exit 1; }
need_tools
make_files
dead=$((port + 4)) # nobody listens there
if [ "$only" = parked ]; then
	measure_parked
	machine
	echo
	table_head
	parked_rows
	exit
fi
if [ "$only" = start ]; then
	measure_start
	machine
	echo
	table_head
	start_rows
	exit
fi
upstreams
say "start"
measure_start
say "requests: plain upstream"
measure_path plain "$plain"
say "requests: TLS upstream"
measure_path tls $tls
say "creates"
measure_creates
say "memory"
measure_memory
say "parked: $parked creates"
measure_parked
say "distance"
measure_distance
table
