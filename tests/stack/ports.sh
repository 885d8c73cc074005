# shellcheck shell=bash
# Loopback ports for one stack. They come in blocks, below the range from which
# the kernel takes ports of outgoing connections; a block is ours while some
# process of the stack holds its lock, which they all inherit. Needs cache.sh.

PORT_FIRST=20000
PORT_BLOCK=24
PORT_BLOCKS=400

port_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

block_is_free() {
	local port
	for ((port = $1; port < $1 + PORT_BLOCK; port++)); do
		if port_taken "$port"; then return 1; fi
	done
}

# claim_ports: sets PORT_BASE, and leaves the lock open on descriptor 8.
claim_ports() {
	local block
	mkdir -p "$STACK_CACHE/ports"
	for ((block = 0; block < PORT_BLOCKS; block++)); do
		PORT_BASE=$((PORT_FIRST + block * PORT_BLOCK))
		exec 8>"$STACK_CACHE/ports/$PORT_BASE"
		if flock -n 8 && block_is_free "$PORT_BASE"; then return 0; fi
		exec 8>&-
	done
	die "no $PORT_BLOCK free ports in a row from $PORT_FIRST to $((PORT_FIRST + PORT_BLOCK * PORT_BLOCKS)): end other stacks with $STACK_DIR/down.sh DIR"
}

# port N: the Nth port of this stack's block.
port() { printf '%s\n' $((PORT_BASE + $1)); }
