#!/bin/bash
# The portable program: built by scripts/portable.sh, wants the C library alone, and
# works. Ends with "N passed, N failed, N skipped".
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$root/build/portable/sigrelay.bin
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$root/tests/package/checks.sh"

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
finish
