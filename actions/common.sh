# shellcheck shell=bash
# What the actions share. Inputs come in INPUT_* variables and are data: nothing of
# them is evaluated, and what is shown of them is escaped. ACTION is the action's name.

# command_data TEXT: as the message of a workflow command takes it.
command_data() {
	local text=$1
	text=${text//'%'/%25}
	text=${text//$'\r'/%0D}
	text=${text//$'\n'/%0A}
	printf '%s' "${text//[[:cntrl:]]/?}"
}

# tell error|warning|notice MESSAGE
tell() { printf '::%s title=sigrelay %s::%s\n' "$1" "$ACTION" "$(command_data "$2")"; }

# refuse NAME VALUE WANTED: ends the step, as wrong usage ends sigrelay.
refuse() {
	tell error "input $1: '${2:0:200}': expected $3"
	exit 64
}

trimmed() {
	local text=$1
	text=${text#"${text%%[![:space:]]*}"}
	printf '%s' "${text%"${text##*[![:space:]]}"}"
}

# word_of NAME VALUE WORD...: sets WORD to the value, or to nothing where it is unset.
word_of() {
	local name=$1 value=$2 word words
	shift 2
	words=$*
	WORD=$(trimmed "$value")
	[ -n "$WORD" ] || return 0
	for word; do
		[ "$word" != "$WORD" ] || return 0
	done
	refuse "$name" "$value" "${words// /, }, or nothing"
}

# list_of NAME VALUE WANTED: sets ITEMS to what stands between commas and ends of
# lines. An item that sigrelay would take for a flag, or that holds a blank, is none.
list_of() {
	local name=$1 wanted=$3 line item
	ITEMS=()
	while IFS= read -r line; do
		item=$(trimmed "$line")
		case $item in
		'') ;;
		-* | *[[:space:][:cntrl:]]*) refuse "$name" "$item" "$wanted" ;;
		*) ITEMS+=("$item") ;;
		esac
	done <<<"${2//,/$'\n'}"
}

# registries_of VALUE: sets ITEMS from the input insecure_registry.
registries_of() {
	local item wanted='registries as HOST or HOST:PORT, with commas or ends of lines between them'
	list_of insecure_registry "$1" "$wanted"
	for item in ${ITEMS[@]+"${ITEMS[@]}"}; do
		case $item in
		*[/@]*) refuse insecure_registry "$item" "$wanted" ;;
		esac
	done
}

# path_of NAME VALUE: sets WORD.
path_of() {
	WORD=$(trimmed "$2")
	case $WORD in
	*[[:cntrl:]]*) refuse "$1" "$2" 'the path of a file' ;;
	esac
}

# find_sigrelay VALUE: sets SIGRELAY to a program's path.
find_sigrelay() {
	path_of sigrelay "$1"
	SIGRELAY=$(command -v -- "${WORD:-sigrelay}") && [ -f "$SIGRELAY" ] && [ -x "$SIGRELAY" ] && return 0
	if [ -n "$WORD" ]; then
		refuse sigrelay "$1" 'the path of the program sigrelay'
	fi
	tell error "there is no sigrelay on PATH: install it in an earlier step, or give its path in the input sigrelay"
	exit 127
}

# find_ledger VALUE: sets LEDGER, the same file for every action of a job.
find_ledger() {
	path_of ledger "$1"
	LEDGER=${WORD:-${SIGRELAY_LEDGER:-}}
	[ -z "$LEDGER" ] || return 0
	[ -n "${RUNNER_TEMP:-}" ] || refuse ledger "$1" 'a path, because RUNNER_TEMP is not set'
	LEDGER=$RUNNER_TEMP/sigrelay-ledger.jsonl
}

# output NAME VALUE: of the step. The value is one line.
output() {
	[ -z "${GITHUB_OUTPUT:-}" ] || printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}
