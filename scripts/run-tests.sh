#!/bin/sh
# The runners, one after the other; see test.sh. Every runner ends its output
# with a line that holds "N passed, N failed[, N skipped]"; one that does not, or
# that fails, counts as a failure.
set -u
quick=${1:-}
logs=build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
passed=0 failed=0 skipped=0
jobs=$(nproc)

say() { printf '%s\n' "$*"; }

# count NAME RC: adds the last summary line of NAME's log.
count() {
	line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$logs/$1.log" | tail -n 1)
	p=$(printf '%s' "$line" | sed -n 's/.*\([^0-9]\|^\)\([0-9][0-9]*\) passed.*/\2/p')
	f=$(printf '%s' "$line" | sed -n 's/.* \([0-9][0-9]*\) failed.*/\1/p')
	s=$(printf '%s' "$line" | sed -n 's/.* \([0-9][0-9]*\) skipped.*/\1/p')
	if [ -z "$p" ] || [ -z "$f" ]; then
		p=0 f=1 s=0
		say "$1: no summary line: taken as failed"
	elif [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		say "$1: exit $2 in spite of its summary: taken as failed"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
	say "$1: $p passed, $f failed, ${s:-0} skipped ($(($(date +%s) - began)) s)"
	if [ "$f" -ne 0 ]; then
		grep -E '^not ok|Failure|ERROR|error:|FAILED' "$logs/$1.log" | head -n 40 | sed "s/^/    /"
		say "    … the end of $logs/$1.log:"
		tail -n 30 "$logs/$1.log" | sed "s/^/    /"
	fi
}

# suite NAME CMD…: a runner.
suite() {
	name=$1
	shift
	began=$(date +%s)
	"$@" >"$logs/$name.log" 2>&1
	count "$name" $?
}

# step NAME CMD…: one thing that passes or fails by its exit code.
step() {
	name=$1
	shift
	began=$(date +%s)
	if "$@" >"$logs/$name.log" 2>&1; then
		say '1 passed, 0 failed' >>"$logs/$name.log"
		count "$name" 0
	else
		say '0 passed, 1 failed' >>"$logs/$name.log"
		count "$name" 1
	fi
}

build() {
	cmake --preset "$1" && cmake --build --preset "$1" -- -j "$jobs"
}

# memory_checked NAME PROGRAM: makes build/valgrind-NAME, which runs PROGRAM under
# valgrind; what is found goes to files of that name.
memory_checked() {
	cat >"build/valgrind-$1" <<-EOF
		#!/bin/sh
		exec valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \\
			--log-file='$PWD/$logs/valgrind-$1.%p.errors' '$PWD/$2' "\$@"
	EOF
	chmod +x "build/valgrind-$1"
}

# no_errors NAME: shows what valgrind has found under that name, and fails if it has.
# That a program cannot be started, which a test does on purpose, is no error of ours.
no_errors() {
	! cat "$logs/valgrind-$1".*.errors 2>/dev/null |
		grep -vE '== (execve\(.*failed, errno|EXEC FAILED: I can.t recover|Add more stringent tests in PRE\(sys_execve\))' | grep .
}

valgrind_unit() {
	memory_checked unit build/dev/tests/unit
	build/valgrind-unit && no_errors unit
}

# A scenario does not look at the exit code of every process that it ends, so the
# errors are counted here.
valgrind_relay() {
	memory_checked relay build/dev/sigrelay
	tests/scenario/run.py --sigrelay build/valgrind-relay create-conflict create-hedged create-joined \
		breaker client-leaves-get drain && no_errors relay
}

# What is slow to build comes first, beside the rest.
stack=
if [ -z "$quick" ]; then
	nice -n 10 tests/stack/install.sh >"$logs/stack-install.log" 2>&1 &
	stack=$!
fi

step build-dev build dev
step build-asan build asan
suite layout tests/layout.sh
suite documents python3 tests/documents/run.py --sigrelay build/asan/sigrelay
suite unit-asan build/asan/tests/unit
suite unit-dev build/dev/tests/unit
suite scenario-asan python3 tests/scenario/run.py --sigrelay build/asan/sigrelay
suite crowd python3 tests/crowd/run.py --sigrelay build/asan/sigrelay
suite fleet python3 tests/fleet/run.py --sigrelay build/asan/sigrelay
suite commands tests/commands/run_test.sh build/asan/sigrelay
suite registry python3 tests/registry/test_oci.py --look build/asan/tests/look
suite preflight python3 tests/registry/test_preflight.py --sigrelay build/asan/sigrelay
suite pushed python3 tests/registry/test_pushed.py --sigrelay build/asan/sigrelay
suite cleanup python3 tests/registry/test_cleanup.py --sigrelay build/asan/sigrelay
suite actions python3 tests/actions/test_actions.py build/asan/sigrelay
suite sim build/dev/tests/sim/sim --check --seeds 300
step build-release build release
suite operators python3 tests/operators/run.py --sigrelay build/release/sigrelay
step demo build/release/sigrelay demo
suite soak python3 tests/soak/run.py --sigrelay build/release/sigrelay
suite limits python3 tests/soak/limits.py --sigrelay build/release/sigrelay
suite tokens python3 tests/soak/tokens.py --sigrelay build/release/sigrelay
if [ -z "$quick" ]; then
	step build-clang build clang
	suite unit-clang build/clang/tests/unit
	suite fuzz tests/fuzz/run.sh
	suite valgrind-unit valgrind_unit
	suite valgrind-relay valgrind_relay
	suite lint scripts/lint.sh
	suite package tests/package/test.sh
	suite portable tests/package/portable.sh
	began=$(date +%s)
	if wait "$stack"; then
		suite stack env SIGRELAY="$PWD/build/release/sigrelay" tests/stack/test.sh
		suite containers tests/package/containers.sh build/release/sigrelay
	else
		say "stack-install: failed; the end of $logs/stack-install.log:"
		tail -n 30 "$logs/stack-install.log" | sed 's/^/    /'
		failed=$((failed + 1))
	fi
fi

say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
