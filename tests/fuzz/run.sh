#!/bin/sh
# Runs every fuzz target for SIGRELAY_FUZZ_SECONDS (default 10) with its seeds, or
# only those named: tests/fuzz/run.sh [TARGET…]. A crash, leak, broken promise,
# time-out or too much memory fails it; the input is then kept where it says.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
seconds=${SIGRELAY_FUZZ_SECONDS:-10}
build=$root/build/fuzz
cd "$root" || exit 1
if [ ! -f "$build/build.ninja" ]; then
	cmake --preset fuzz > /dev/null || exit 1
fi
targets=$*
if [ -z "$targets" ]; then
	targets=$(cd tests/fuzz && for f in *.c; do echo "${f%.c}"; done)
fi
wanted=
for t in $targets; do
	wanted="$wanted fuzz_$t"
done
# shellcheck disable=SC2086
cmake --build --preset fuzz --target $wanted > "$build/build.log" 2>&1 || {
	cat "$build/build.log"
	echo "not ok - fuzz: the targets do not build"
	exit 1
}
passed=0
failed=0
for t in $targets; do
	found=$build/found/$t
	mkdir -p "$found"
	work=$(mktemp -d) || exit 1
	log=$work/log
	mkdir "$work/corpus"
	if "$build/tests/fuzz/fuzz_$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
		-print_final_stats=1 -artifact_prefix="$found/" "$work/corpus" "tests/fuzz/corpus/$t" > "$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "ok - fuzz $t (${runs:-0} runs)"
		passed=$((passed + 1))
	else
		tail -n 40 "$log"
		echo "not ok - fuzz $t (the input is in $found)"
		failed=$((failed + 1))
	fi
	rm -rf "$work"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
