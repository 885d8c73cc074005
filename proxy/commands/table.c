#include <sigrelay/commands/commands.h>

#include <stddef.h>

#define CLIENT_HELP                                                                                          \
	"  --client=auto|cosign2|cosign3|none\n"                                                             \
	"      How cosign is pointed at the relay. cosign2: by COSIGN_REKOR_URL and\n"                       \
	"      COSIGN_FULCIO_URL. cosign3: by a signing config in COSIGN_SIGNING_CONFIG.\n"                  \
	"      none: its variables stay as they are. auto (the default): what the cosign\n"                  \
	"      at hand takes, found out by `cosign version`.\n"

#define INSECURE_HELP                                                                                        \
	"  --insecure-registry HOST\n"                                                                       \
	"      Speak plain HTTP to this registry: HOST or HOST:PORT as images name it. May be\n"             \
	"      given several times, or with commas. One on loopback always is spoken to so.\n"

/* What the commands that speak to registries act on. */
static const char *const registry_settings[] = { "attempt_timeout", "connect_timeout",
						 "backoff_base",    "throttle_base",
						 "backoff_max",     "ca_file",
						 "ledger",          "run_id",
						 "log_level",       "dockerhub_url",
						 "log_format",      "dockerhub_registry_url",
						 "github_api_url",  NULL };

const struct command commands_table[] = {
	{
	    .name = "run",
	    .run = command_run,
	    .synopsis = "[FLAG...] -- COMMAND [ARG...]",
	    .summary = "Run a command with a relay of its own",
	    .help = "Starts a relay on a free loopback port, points the Sigstore clients of COMMAND\n"
		    "at it by their environment, runs COMMAND, forwards signals, and ends with its\n"
		    "exit code. Services that COMMAND's environment names already, or the signing\n"
		    "config of its TUF cache, become the relay's upstreams.\n\n"
		    "If COMMAND fails and the relay saw Sigstore fail it, COMMAND is run again once\n"
		    "Sigstore looks healthy. One that fails for another reason never is.\n\n" CLIENT_HELP
		    "  --for DURATION\n"
		    "      How long after its start run begins COMMAND again. Default 30m; 0: never again.\n"
		    "  --on-outage=fail|continue\n"
		    "      When Sigstore has not recovered by then. fail (the default): exit 75.\n"
		    "      continue: warn and exit 0, unsigned.\n"
		    "\nExit status: COMMAND's own; 128+n when a signal ended it or the wait; 75 when\n"
		    "Sigstore failed it and did not recover; 126, 127 when it cannot be run; 64 wrong\n"
		    "usage; 78 bad configuration.\n"
		    "\nWith --ledger each run leaves a line, signed or unsigned, for each IMAGE@sha256:...\n"
		    "on COMMAND's line. Under GitHub Actions the step gets the output signed.\n",
	    .takes_settings = 1,
	},
	{
	    .name = "serve",
	    .run = command_serve,
	    .synopsis = "[FLAG...]",
	    .summary = "Run the relay as a service",
	    .help = "Listens until SIGTERM or SIGINT, then lets exchanges in flight end; a second one\n"
		    "leaves at once. SIGHUP reads the settings again, all or nothing. Says so to\n"
		    "systemd (Type=notify-reload) when NOTIFY_SOCKET is set.\n",
	    .takes_settings = 1,
	},
	{
	    .name = "env",
	    .run = command_env,
	    .synopsis = "[FLAG...]",
	    .summary = "Print the variables that point clients at a running relay",
	    .help = "For a POSIX shell: eval \"$(sigrelay env)\". The relay is the one that listens where\n"
		    "these settings say.\n\n" CLIENT_HELP,
	    .takes_settings = 1,
	},
	{
	    .name = "status",
	    .run = command_status,
	    .synopsis = "[--json] [FLAG...]",
	    .summary = "Show what a running relay is doing",
	    .help = "Asks the relay on admin_listen.\n\n"
		    "  --json\n      The answer as it is.\n\n"
		    "Exit status: 0; 1 when no relay answers there.\n",
	    .takes_settings = 1,
	},
	{
	    .name = "check-config",
	    .run = command_check_config,
	    .synopsis = "[FILE] [FLAG...]",
	    .summary = "Print every setting, its value and where it came from",
	    .help = "FILE: check this INI file, as --config does.\n\n"
		    "Exit status: 0; 78 on any error, each of which is a line on stderr.\n",
	    .takes_settings = 1,
	},
	{
	    .name = "preflight",
	    .run = command_preflight,
	    .synopsis = "[FLAG...] IMAGE:TAG...",
	    .summary = "Ask before the build whether the tags exist already",
	    .help = "Asks each registry for its tag, with the credentials of docker or podman, and\n"
		    "decides: build, skip or fail. An answer that cannot tell a tag that is absent\n"
		    "from one that may not be seen is unknown, never absent.\n\n"
		    "  --on-existing-tag=fail|skip|warn\n"
		    "      When a tag exists. fail (the default): exit 3. skip: nothing is to be built\n"
		    "      if all exist and are one image; build if others are absent. warn: build.\n"
		    "  --on-unknown=warn|fail\n"
		    "      When a registry cannot tell. warn (the default): build. fail: exit 3.\n"
		    "  --json\n"
		    "      The result as one line of JSON, not as a table.\n" INSECURE_HELP
		    "  --registry-timeout DURATION\n"
		    "      How long each registry is asked. Default 30s.\n"
		    "  --timeout DURATION\n"
		    "      How long it may take in all. Default 2m.\n\n"
		    "Under GitHub Actions the step gets the outputs decision, digest, existing and\n"
		    "unknown, and its summary a table. With a ledger, what was seen goes there.\n\n"
		    "Exit status: 0 for build and skip; 3 for fail, also when two registries have\n"
		    "different images under one tag; 64 when a registry takes no such name.\n",
	    .takes_settings = 1,
	    .listed = registry_settings,
	},
	{
	    .name = "pushed",
	    .run = command_pushed,
	    .synopsis = "[FLAG...] IMAGE:TAG@DIGEST...",
	    .summary = "Note in the ledger what this run has just pushed",
	    .help = "Needs a ledger. Each tag is looked at first: if it is not that digest in the\n"
		    "registry, no line is written for it. Outside GitHub Actions give all commands of\n"
		    "a run the same --run-id.\n\n"
		    "  --no-verify\n"
		    "      Note it without asking the registry.\n" INSECURE_HELP
		    "\nExit status: 0; 1 when one was not noted.\n",
	    .takes_settings = 1,
	    .listed = registry_settings,
	},
	{
	    .name = "cleanup",
	    .run = command_cleanup,
	    .synopsis = "[FLAG...]",
	    .summary = "Take back what this run pushed and could not finish",
	    .help =
		"Deletes each tag that the ledger says this run pushed and preflight saw absent before,\n"
		"if its digest is still the one pushed, signed or not. With a digest's last tag go the\n"
		"digest, the signatures and attestations attached to it, and the images that an index\n"
		"of this run names. Whatever else names a digest keeps it.\n\n"
		"docker.io needs `docker login` with a personal access token (Read, Write, Delete);\n"
		"ghcr.io a token in GH_TOKEN or GITHUB_TOKEN that may delete packages.\n\n"
		"  --dry-run\n"
		"      Show what would go, and what would be asked of whom; change nothing.\n"
		"  --json\n"
		"      Print the result as one line of JSON.\n"
		"  --timeout DURATION\n"
		"      How long the whole may take. Default 5m.\n"
		"  --insecure-registry HOST[:PORT],...\n"
		"      Speak plain HTTP to these. Loopback is spoken to so always.\n"
		"\nA tag that has moved since is kept, and one that has gone is fine: cleanup may be run\n"
		"again, and goes on where it was stopped. Only the lines of this run count (run_id); a\n"
		"ledger that is not there yet means that nothing was pushed.\n"
		"\nExit status: 0 nothing of this run is left; 4 something is, and a warning says what a\n"
		"person can do; 128+n a signal ended it early; 64 wrong usage, no ledger or no run named;\n"
		"78 bad configuration, ledger or credentials.\n",
	    .takes_settings = 1,
	    .listed = registry_settings,
	},
	{
	    .name = "demo",
	    .run = command_demo,
	    .synopsis = "",
	    .summary = "Show the incident on a built-in log, without and with the relay",
	    .help = "Needs no network. Where cosign is on PATH, it is cosign that signs and verifies.\n",
	},
	{
	    .name = "version",
	    .run = command_version,
	    .synopsis = "",
	    .summary = "Print the versions of sigrelay and of its libraries",
	    .help = "",
	},
	{
	    .name = "help",
	    .run = command_help,
	    .synopsis = "[COMMAND]",
	    .summary = "List the commands, or explain one",
	    .help = "",
	},
	{
	    .name = "builtin-log",
	    .run = command_builtin_log,
	    .synopsis = "[FLAG...]",
	    .summary = "Run the built-in log, for tests",
	    .help = "",
	    .hidden = 1,
	},
	{ .name = NULL },
};
