#!/bin/sh
# Format, static analysis, shell, man page: one line each, then the summary.
# What differs from one version of clang's tools to the next is judged by one.
#
#   scripts/lint.sh            all
#   scripts/lint.sh format …   only those named: format tidy shell man
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0 skipped=0
clang_tools=14

# other_version TOOL: TOOL and its version, if that is not the one that judges. A
# tool that is not there is not skipped: its check fails.
other_version() {
	v=$("$1" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p' | head -n 1)
	[ "${v:-$clang_tools}" = "$clang_tools" ] || echo "$1 $v"
}

check() {
	name=$1
	shift
	other=
	case $name in
	format) other=$(other_version clang-format) ;;
	tidy) other=$(other_version clang-tidy) ;;
	esac
	if [ -n "$other" ]; then
		skipped=$((skipped + 1))
		echo "ok - $name # skip: $other is here, version $clang_tools judges"
	elif out=$("$@" 2>&1); then
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
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
