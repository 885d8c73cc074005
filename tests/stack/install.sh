#!/bin/bash
# Makes a bare Debian or Ubuntu ready for up.sh and test.sh: packages from apt,
# and the Sigstore programs built from their modules into the cache. Building
# takes about 16 minutes on two cores the first time and nothing after that.
#
#   tests/stack/install.sh          everything
#   tests/stack/install.sh --list   what there is and where it is kept
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=cache.sh
. "$(dirname "$0")/cache.sh"
# shellcheck source-path=SCRIPTDIR source=go.sh
. "$STACK_DIR/go.sh"

# What is needed, as COMMAND:PACKAGE. What is there already, however it came
# there, is not installed again.
APT_NEEDS='mariadbd:mariadb-server docker-registry:docker-registry curl:curl
jq:jq openssl:openssl promtool:prometheus flock:util-linux ip:iproute2'

APT_UPDATED=

apt_install() {
	[ "$(id -u)" = 0 ] || die "missing packages: $*: run as root, or apt-get install $*"
	if [ -z "$APT_UPDATED" ]; then
		apt-get update -q >&2 || die "apt-get update failed, so $* cannot be installed"
		APT_UPDATED=yes
	fi
	say "installing $*"
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2 ||
		die "apt-get install $* failed (its output is above)"
}

install_packages() {
	local pair missing=()
	for pair in $APT_NEEDS; do
		# mariadbd lives in sbin, which a plain user's PATH may lack.
		PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	[ -s /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
	python3 -c 'import yaml' 2>/dev/null || missing+=(python3-yaml)
	[ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

# publish BUILT FINAL: a build counts only once it is whole.
publish() {
	rm -rf "$2"
	mv -T "$1" "$2"
}

build_tool() {
	local name=$1 version=$2 package=$3 final began=$SECONDS
	final=$STACK_CACHE/$name@$version
	[ -x "$final/bin/$name" ] && return 0
	say "building $name $version"
	BUILD_DIR=$(mktemp -d "$STACK_CACHE/.build.XXXXXX")
	(cd / && GOBIN=$BUILD_DIR/bin nice -n 5 \
		"$GO" install -p 2 -trimpath -ldflags '-s -w' "$package@$version") ||
		die "go install $package@$version failed (its output is above)"
	chmod 755 "$BUILD_DIR"
	publish "$BUILD_DIR" "$final"
	say "built $name $version in $((SECONDS - began)) s"
}

build_own() {
	local name=$1 version final
	version=$(own_version "$name")
	final=$STACK_CACHE/$name@$version
	[ -x "$final/bin/$name" ] && return 0
	say "building $name $version (tests/stack/$name)"
	BUILD_DIR=$(mktemp -d "$STACK_CACHE/.build.XXXXXX")
	(cd "$STACK_DIR/$name" && GOFLAGS='' CGO_ENABLED=0 nice -n 5 \
		"$GO" build -p 2 -buildvcs=false -trimpath -ldflags '-s -w' -o "$BUILD_DIR/bin/$name" .) ||
		die "go build of $STACK_DIR/$name failed (its output is above)"
	chmod 755 "$BUILD_DIR"
	publish "$BUILD_DIR" "$final"
}

# The tables that Trillian keeps its trees in come with its source.
install_schema() {
	local version final source
	version=$(tools | awk '$1 == "trillian_log_server" { print $2 }')
	final=$STACK_CACHE/trillian-schema@$version
	[ -s "$final/storage.sql" ] && return 0
	source=$(cd / && GOFLAGS=-mod=mod "$GO" mod download -json "github.com/google/trillian@$version" | jq -r .Dir)
	BUILD_DIR=$(mktemp -d "$STACK_CACHE/.build.XXXXXX")
	cp "$source/storage/mysql/schema/storage.sql" "$BUILD_DIR/storage.sql" ||
		die "github.com/google/trillian@$version has no storage/mysql/schema/storage.sql in $source: look where the schema is now"
	chmod 755 "$BUILD_DIR"
	publish "$BUILD_DIR" "$final"
}

list() {
	tools | while read -r name version _; do
		printf '%-20s %-9s %s\n' "$name" "$version" "$(tool_path "$name" "$version")"
	done
}

forget_unfinished() { rm -rf "${BUILD_DIR:-}"; }

main() {
	case ${1:-} in
	--list)
		list
		return
		;;
	'') ;;
	*) die "unknown argument '$1': expected nothing or --list" ;;
	esac
	trap forget_unfinished EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$STACK_CACHE"
	install_packages
	# Two installs at once would build everything twice.
	exec 9>"$STACK_CACHE/.lock"
	flock -n 9 || {
		say "another install is at work on $STACK_CACHE: waiting for it"
		flock 9
	}
	# What a killed install has left; nobody else is at it now.
	rm -rf "$STACK_CACHE"/.build.*
	find_go
	local own name version package
	for own in $OWN; do
		if [ -f "$STACK_DIR/$own/go.mod" ]; then build_own "$own"; fi
	done
	install_schema
	while read -r name version package <&3; do
		build_tool "$name" "$version" "$package"
	done 3< <(tools)
	say "everything is in $STACK_CACHE"
}

main "$@"
