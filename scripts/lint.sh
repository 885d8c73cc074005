#!/bin/sh
# Format, static analysis, shell, man page: one line each, then the summary.
#
#   scripts/lint.sh            all
#   scripts/lint.sh format …   only those named: format tidy shell man
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0

check() {
	name=$1
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok - $name"
	else
		failed=$((failed + 1))
		echo "not ok - $name"
		printf '%s\n' "$out" | head -n 60 | sed 's/^/    /'
	fi
}

sources() { git ls-files 'proxy/*.c' 'proxy/*.h' 'include/*.h' 'tests/*.c' 'tests/*.h'; }
scripts_of() { git ls-files '*.sh' .ci/run; }

format() { sources | xargs clang-format --dry-run -Werror; }
tidy() {
	[ -f build/clang/compile_commands.json ] || cmake --preset clang >/dev/null || return 1
	git ls-files 'proxy/*.c' | xargs -P "$(nproc)" -n 8 clang-tidy --quiet -p build/clang --warnings-as-errors='*'
}
shell() { scripts_of | xargs shellcheck -x -S warning; }
man() { out=$(mandoc -T lint -W warning docs/*.1) || { echo "$out"; return 1; }; }

[ $# -gt 0 ] || set -- format tidy shell man
for name; do
	check "$name" "$name"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
