#!/bin/sh
# The rooms' arrows point one way, no files call one another in a circle, and policy/
# stays pure.
#
#   tests/layout.sh [ROOT]
#
# One line a rule, `ok - …` or `not ok - …` with the offending lines below it;
# ends with `N passed, N failed`. The rules are tried on planted offences too:
# a rule that lets its own offence pass is a failure.
set -eu

root=${1:-$(dirname "$0")/..}
passed=0
failed=0

# What each room may include of the house, itself among it.
rooms='base policy sigstore builtin relay registry commands'
may_include() {
	case $1 in
	base) echo base ;;
	policy) echo base policy ;;
	sigstore) echo base policy sigstore ;;
	builtin) echo base builtin ;;
	relay) echo base policy sigstore relay ;;
	registry) echo base policy sigstore registry ;;
	commands) echo "$rooms" ;;
	esac
}

# What policy/ may include beside its own: headers that reach nothing outside.
pure_headers='assert\.h|float\.h|inttypes\.h|limits\.h|math\.h|stdbool\.h|stddef\.h|stdint\.h|string\.h'
impure_base='log|metrics|settings'
impure_calls='time|clock|clock_gettime|clock_now|gettimeofday|timespec_get|rand|rand_r|srand|random|srandom|drand48'
impure_calls="$impure_calls|getrandom|rng_entropy|v?f?printf|v?dprintf|puts|fputs|putchar|fopen|open|read|write|socket"
impure_calls="$impure_calls|connect|sendto|recv|poll|sleep|usleep|nanosleep|getenv|log_event|log_fields"

sources() { # TREE ROOM: its sources and headers
	for dir in "$1/proxy/$2" "$1/include/sigrelay/$2"; do
		if [ -d "$dir" ]; then
			find "$dir" -name '*.[ch]'
		fi
	done | sort
}

# FILE: its lines as FILE:LINE:TEXT, comments and string literals taken out (an
# #include's "name" is kept).
code() {
	awk -v file="$1" '
	{
		line = $0; out = ""
		while (line != "") {
			if (inside) {
				end = index(line, "*/")
				if (!end) break
				line = substr(line, end + 2); inside = 0
			} else if (match(line, /"([^"\\]|\\.)*"|\/\*|\/\//)) {
				found = substr(line, RSTART, RLENGTH)
				out = out substr(line, 1, RSTART - 1)
				line = substr(line, RSTART + RLENGTH)
				if (found == "//") line = ""
				else if (found == "/*") { inside = 1; out = out " " }
				else out = out (out ~ /#[ \t]*include[ \t]*$/ ? found : "\"\"")
			} else {
				out = out line; line = ""
			}
		}
		if (out ~ /[^ \t]/) print file ":" NR ":" out
	}' "$1"
}

room_code() { # TREE ROOM
	sources "$1" "$2" | while IFS= read -r file; do code "$file"; done
}

# Each rule prints its offences, one a line; none means it holds.

arrows() { # TREE ROOM
	allowed=$(may_include "$2" | tr ' ' '|')
	room_code "$1" "$2" | grep -E ':[[:blank:]]*#[[:blank:]]*include' |
		grep -E "include[[:blank:]]*[<\"](sigrelay/|.*\\.\\./)" |
		grep -Ev "[<\"]sigrelay/($allowed)/[^/]+\\.h[>\"]" || true
}

main_alone() { # TREE: commands are included by commands and main.c alone
	for room in base policy sigstore builtin relay registry; do
		room_code "$1" "$room" | grep -E '#[[:blank:]]*include.*commands/' || true
	done
}

pure_includes() { # TREE
	room_code "$1" policy | grep -E '#[[:blank:]]*include' |
		grep -Ev "<($pure_headers)>|<sigrelay/(base|policy)/[a-z_]+\\.h>|\"[a-z_]+\\.h\"" || true
	room_code "$1" policy | grep -E "#[[:blank:]]*include.*sigrelay/base/($impure_base)\\.h" || true
}

pure_calls() { # TREE
	room_code "$1" policy | grep -E "(^|[^[:alnum:]_.>])($impure_calls)[[:blank:]]*\\(" || true
}

# TREE: "FILE FILE", the first uses a name that the second defines. The table of commands
# is left out: it lists those who read it.
calls() {
	for room in $rooms; do room_code "$1" "$room"; done | awk -v at="$1/proxy/" '
	{
		file = $0; sub(/:.*/, "", file)
		text = $0; sub(/^[^:]*:[0-9]*:/, "", text)
		if (file !~ /\.c$/ || file ~ /commands\/table\.c$/) next
		sub(at, "", file)
		if (text ~ /^[a-z]/ && (match(text, /[a-z_0-9]+(\[[^]]*\])? = /) ||
		    (text !~ /;$/ && match(text, /[a-z_0-9]+\(/)))) {
			name = substr(text, RSTART, RLENGTH); sub(/[^a-z_0-9].*/, "", name)
			if (text ~ /^static /) own[file, name] = 1
			else home[name] = file
		}
		n = split(text, word, /[^A-Za-z0-9_]+/)
		for (i = 1; i <= n; i++) uses[file, word[i]] = 1
	}
	END {
		for (use in uses) {
			split(use, u, SUBSEP)
			if ((u[2] in home) && home[u[2]] != u[1] && !(use in own)) print u[1], home[u[2]]
		}
	}' | sort -u
}

circles() { # CALLS: files that call one another in a loop
	echo "$1" | tsort 2>&1 >/dev/null | sed -n 's/^tsort: \([a-z].*\.c\)$/\1/p'
}

# CALLS MAP: what in relay/ does not go down in the map's list of its floors
upward() {
	echo "$1" | awk '
	NR == FNR {
		if (/^## /) listed = /floors of relay/
		else if (listed && /^    [a-z]/) {
			++line; sub(/^    /, ""); sub(/     .*/, "")
			for (i = split($0, name, /  /); i > 0; i--) floor["relay/" name[i] ".c"] = line
		}
		next
	}
	{ for (i = 1; i <= 2; i++) if ($i ~ /^relay/ && !($i in floor)) stray[$i] = 1 }
	($1 in floor) && ($2 in floor) && floor[$1] >= floor[$2] { print $1 " -> " $2 }
	END { for (file in stray) print file ": it stands on no floor" }' "$2" -
}

no_strangers() { # TREE: a room without a rule would be free of all of them
	for dir in "$1"/proxy/*/ "$1"/include/sigrelay/*/; do
		[ -d "$dir" ] || continue
		name=$(basename "$dir")
		case " $rooms " in
		*" $name "*) ;;
		*) echo "$dir: no rule says what $name may include" ;;
		esac
	done
}

tell() { # NAME OFFENCES
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok - $1"
	else
		failed=$((failed + 1))
		echo "not ok - $1"
		echo "$2" | sed 's/^/    /'
	fi
}

# Plants one offence in a tree of its own and expects the rule to name it.
catches() { # NAME FILE LINE RULE [ROOM]
	name=$1 file=$2 line=$3
	shift 3
	tree=$(mktemp -d)
	mkdir -p "$tree/$(dirname "$file")"
	# Blameless lines around it: what a rule must not take for an offence.
	printf '%s\n' '/* time(NULL), printf("x") and <unistd.h> in a comment */' '#include <stdbool.h>' \
		'#include <sigrelay/base/clock.h>' 'int budget_time(int at); /* of' \
		'   #include <time.h> */' 'static const char *s = "rand() // /*";' >"$tree/$file"
	rule=$1
	clean=$("$rule" "$tree" ${2:+"$2"})
	printf '%s\n' "$line" >>"$tree/$file"
	caught=$("$rule" "$tree" ${2:+"$2"})
	rm -rf "$tree"
	offence=
	[ -z "$clean" ] || offence="takes blameless lines for offences: $clean"
	case $caught in
	*"$file:7:"*) ;;
	*) offence="$offence lets pass: $line" ;;
	esac
	tell "the rule catches $name" "$offence"
}

[ -d "$root/proxy/policy" ] || {
	echo "layout.sh: no proxy/policy under '$root'; give the checkout's path as the argument" >&2
	exit 2
}

for room in $rooms; do
	tell "$room includes only: $(may_include "$room")" "$(arrows "$root" "$room")"
done
tell "nothing but commands and main.c includes commands" "$(main_alone "$root")"
tell "every room has a rule" "$(no_strangers "$root")"
called=$(calls "$root")
tell "no files call one another in a circle" "$(circles "$called")"
tell "relay/ calls down its floors, as the map has them" "$(upward "$called" "$root/proxy/README.md")"
tell "policy includes no header that reaches outside" "$(pure_includes "$root")"
tell "policy calls no clock, no chance and no I/O" "$(pure_calls "$root")"

catches 'base -> policy' proxy/base/x.c '#include <sigrelay/policy/gate.h>' arrows base
catches 'a header of base -> sigstore' include/sigrelay/base/x.h '#include "sigrelay/sigstore/rekor.h"' arrows base
catches 'policy -> relay' proxy/policy/x.c '# include <sigrelay/relay/relay.h>' arrows policy
catches 'sigstore -> relay' proxy/sigstore/x.c '#include <sigrelay/relay/wire.h>' arrows sigstore
catches 'relay -> builtin' proxy/relay/x.c '#include <sigrelay/builtin/builtin_log.h>' arrows relay
catches 'registry -> relay' proxy/registry/x.c '#include <sigrelay/relay/relay.h>' arrows registry
catches 'builtin -> policy' proxy/builtin/x.c '#include <sigrelay/policy/outcome.h>' arrows builtin
catches 'a way round by ..' proxy/base/x.c '#include "../relay/x.h"' arrows base
catches 'relay -> commands' proxy/relay/x.c '#include <sigrelay/commands/commands.h>' main_alone
for header in 'sys/socket.h' unistd.h event2/event.h curl/curl.h time.h stdio.h sigrelay/base/log.h; do
	catches "policy with <$header>" proxy/policy/x.c "#include <$header>" pure_includes
done
for call in 'usec t = time(NULL);' 'clock_gettime(CLOCK_MONOTONIC, &ts);' 'int r = rand();' 'return random();' \
	'	printf("%d", 1);' 'clock_now();'; do
	catches "policy with $call" include/sigrelay/policy/x.h "$call" pure_calls
done

tree=$(mktemp -d)
mkdir -p "$tree/proxy/relay"
printf '%s\n' 'int up(void)' '{ return down() + aside(); }' 'static int aside(void)' '{ return 1; }' >"$tree/proxy/relay/a.c"
printf '%s\n' 'int down(void)' '{ return 2; } /* up() */' 'int table[] = { 1 };' >"$tree/proxy/relay/b.c"
printf '%s\n' 'int aside(int table_size)' '{ return table[0]; }' >"$tree/proxy/relay/c.c"
printf '%s\n' '## The floors of relay/' 'Words.' '' '    a  c      the top' '    b' >"$tree/README.md"
called=$(calls "$tree")
case $(echo "$called" | tr '\n' ';')$(circles "$called")$(upward "$called" "$tree/README.md") in
'relay/a.c relay/b.c;relay/c.c relay/b.c;') tell 'who calls whom is found, and what goes down is let pass' '' ;;
*) tell 'who calls whom is found, and what goes down is let pass' "$called" ;;
esac
printf '%s\n' 'int more(void)' '{ return up(); }' >>"$tree/proxy/relay/b.c"
called=$(calls "$tree")
case $(circles "$called") in
*relay/a.c*relay/b.c* | *relay/b.c*relay/a.c*) tell 'the rule catches a circle' '' ;;
*) tell 'the rule catches a circle' 'lets pass: a.c -> b.c -> a.c' ;;
esac
case $(upward "$called" "$tree/README.md") in
'relay/b.c -> relay/a.c') tell 'the rule catches a call upward' '' ;;
*) tell 'the rule catches a call upward' 'lets pass: b.c -> a.c' ;;
esac
sed -i 's/a  c/a/' "$tree/README.md"
case $(upward "$called" "$tree/README.md") in
*'relay/c.c: it stands on no floor'*) tell 'the rule catches a file without a floor' '' ;;
*) tell 'the rule catches a file without a floor' 'lets pass: c.c' ;;
esac
rm -rf "$tree"

tree=$(mktemp -d)
mkdir -p "$tree/proxy/base" "$tree/proxy/attic"
case $(no_strangers "$tree") in
*attic*base* | *base*attic*) tell 'the rule catches a room without a rule' 'takes base for a stranger' ;;
*attic*) tell 'the rule catches a room without a rule' '' ;;
*) tell 'the rule catches a room without a rule' 'lets pass: proxy/attic' ;;
esac
rm -rf "$tree"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
