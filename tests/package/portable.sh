#!/bin/bash
# The portable program: built by scripts/portable.sh, wants the C library alone, and
# works. Ends with "N passed, N failed, N skipped".
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$root/build/portable/sigrelay.bin
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

check() {
	local name=$1
	shift
	if "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "ok - $name"
	else
		failed=$((failed + 1))
		echo "not ok - $name"
		tail -n 30 "$log" | sed 's/^/    /'
	fi
}

wants_the_c_library_alone() {
	ldd "$program" && ! ldd "$program" | awk '{ print $1 }' | grep -vE '(^|/)(linux-vdso|libc|libm|ld-linux[^/]*)\.so'
}
version_is_told() { "$program" version | grep '^libcurl/.*OpenSSL/.*nghttp2/'; }
scenarios() {
	python3 "$root/tests/scenario/run.py" --sigrelay "$program" create-conflict create-hedged gzip breaker \
		tls tls-clients fleet-chain reload
}

check 'it builds' sh "$root/scripts/portable.sh"
check 'it wants the C library alone' wants_the_c_library_alone
check 'it tells what is in it' version_is_told
check 'the demo' "$program" demo
check 'scenarios, TLS both ways among them' scenarios
check 'upstreams by a proxy, over TLS' python3 "$root/tests/operators/run.py" --sigrelay "$program" \
	test_upstreams_are_reached_through_https_proxy
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
