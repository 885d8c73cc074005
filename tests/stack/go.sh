# shellcheck shell=bash
# A Go that is new enough for tools.list. A machine whose Go is older lets that
# one fetch a newer toolchain through the module proxy, which it does by itself
# when GOTOOLCHAIN names one (1.21 and later). Needs cache.sh and apt_install.

GO_MINIMUM=1.26
GO_SWITCHES=1.21
GO_FETCHED=go1.27.3

# go_is_at_least GO VERSION: is it so by itself, without switching?
go_is_at_least() {
	local have
	have=$(cd / && GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
	have=${have#go}
	[ -n "$have" ] && [ "$(printf '%s\n' "$2" "$have" | sort -V | head -n 1)" = "$2" ]
}

# pick_go VERSION: sets GO to the first go that is at least VERSION.
pick_go() {
	local candidate
	for candidate in "$(command -v go)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
		if [ -x "$candidate" ] && go_is_at_least "$candidate" "$1"; then
			GO=$candidate
			return 0
		fi
	done
	return 1
}

# find_go: sets GO, and GOTOOLCHAIN to what it has to run as.
find_go() {
	export GOTOOLCHAIN=local
	pick_go "$GO_MINIMUM" && return 0
	pick_go "$GO_SWITCHES" || {
		apt_install golang-go
		pick_go "$GO_MINIMUM" && return 0
		pick_go "$GO_SWITCHES" || die "the distribution's Go, $(go version 2>/dev/null || ls -d /usr/lib/go-*), is older than $GO_SWITCHES and cannot fetch a newer one: install Go $GO_MINIMUM or newer and put it on PATH (a golang-go of $GO_SWITCHES or newer, as from backports, will do too)"
	}
	export GOTOOLCHAIN=$GO_FETCHED
	say "$GO is older than $GO_MINIMUM: it fetches $GO_FETCHED through the module proxy"
	(cd / && "$GO" version >&2) || die "$GO could not fetch $GO_FETCHED (its words are above): install Go $GO_MINIMUM or newer and put it on PATH"
}
