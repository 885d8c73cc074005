# shellcheck shell=bash
# Where the programs of the stack are kept: outside the tree, one folder a
# tool and version, so that a fresh clone finds what an earlier one built.

STACK_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# The Go programs of this folder.
OWN='oidc lossy tokens referrers kubecheck'
STACK_CACHE=${SIGRELAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sigrelay}/stack

die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# tools prints the table without its comments.
tools() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$STACK_DIR/tools.list"; }

# tool_path NAME [VERSION]: the path of a built program. Without a version the
# only one in the table.
tool_path() {
	local version=${2:-}
	if [ -z "$version" ]; then
		version=$(tools | awk -v n="$1" '$1 == n { print $2 }')
	fi
	printf '%s/%s@%s/bin/%s\n' "$STACK_CACHE" "$1" "$version" "$1"
}

# own_version NAME: the version of a Go program of this folder is its source.
own_version() {
	(cd "$STACK_DIR/$1" && cat go.mod ./*.go | sha256sum | cut -c1-12)
}

# own_path NAME: the path of a built program of this folder.
own_path() { tool_path "$1" "$(own_version "$1")"; }

# need_tool NAME [VERSION]: its path, or an end that says what to do.
need_tool() {
	local path
	path=$(tool_path "$@")
	[ -x "$path" ] || die "$1${2:+ $2} is not built (looked for $path): run $STACK_DIR/install.sh"
	printf '%s\n' "$path"
}

# need_all: an end that says what to do, unless everything is built.
need_all() {
	local name version
	while read -r name version _; do
		need_tool "$name" "$version" >/dev/null
	done < <(tools)
	for name in $OWN; do
		need_own "$name" >/dev/null
	done
}

need_own() {
	local path
	path=$(own_path "$1")
	[ -x "$path" ] || die "$1 is not built from its present source (looked for $path): run $STACK_DIR/install.sh"
	printf '%s\n' "$path"
}
