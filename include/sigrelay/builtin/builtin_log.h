/* The built-in log: a small, faithful Rekor + Fulcio + timestamp authority on
 * one loopback port, with real keys, leaf hashes, inclusion proofs and signed
 * entry timestamps, which speaks faults as words.
 *
 * Tests and `sigrelay demo` use it; nothing of the relay depends on it. It runs
 * on the caller's event base, or as a program of its own (`sigrelay
 * builtin-log`, see commands/). Not for production: keys live in memory.
 *
 * Faults are a script: one line a rule, `WHERE [COUNT] WORD [ARG…]`:
 *   create  POST /api/v1/log/entries      get     GET  /api/v1/log/entries/{id}
 *   query   the log's other reads         sign    POST signingCert
 *   stamp   POST timestamp                all     everything
 * COUNT: how many requests it hits (default 1; `always`). Rules for one place
 * are used up in order; with none left the place behaves.
 *   ok                       behave
 *   refuse                   close the connection before reading (accept, then RST)
 *   reset                    read the request, do not act, RST
 *   stall [DURATION]         read the request, do not act, say nothing (default: for ever)
 *   half                     act, send half of the answer, close
 *   drip DURATION            act, send the answer a byte at a time over DURATION
 *   junk                     do not act; 200 (or 201) with an HTML page
 *   wrong-leaf               act; answer an entry whose key is not its leaf hash
 *   other-entry              act; answer some other true entry
 *   status N [retry-after S] do not act; N with the service's own error shape (HTML for 429 and 502)
 *   lose [reset|close|N]     act (the leaf is queued), then lose the answer: RST, close, or status N (default
 * 502) hold                     act when told: waits for `release` on the control path delay DURATION act
 * after DURATION down DURATION            from this request on, every request is `refuse`d for DURATION
 *   pause-log                leaves are queued and not integrated from now on (a paused signer):
 *   resume-log                POST hangs, a repeat gets 409, GET gets 404; resume integrates them
 *   absent N                 the next N lookups of any entry get 404 though it is integrated
 *   late DURATION            the next entry's integratedTime is that much later than now
 * Control, on the same port, for tests: POST /_control/script (text, appended),
 * POST /_control/clear, POST /_control/release, POST /_control/pause,
 * POST /_control/resume, GET /_control/state (JSON: requests per place, leaves
 * queued and integrated, rules left, held), GET /_control/wait?KEY=N (answers when
 * the state's counter KEY is at least N: a barrier), GET /_control/keys (JSON: PEMs
 * of the log's public key, Fulcio's root, the TSA's chain, the CT log's key;
 * trusted root and signing config for cosign 3), POST /_control/token (mints an OIDC
 * token: JSON {"token":…}; optional body {"email":…,"lifetime":"10m"}). */
#ifndef SIGRELAY_BUILTIN_BUILTIN_LOG_H
#define SIGRELAY_BUILTIN_BUILTIN_LOG_H

#include <stdint.h>

#include <sigrelay/base/buf.h>
#include <sigrelay/base/slice.h>
#include <sigrelay/base/status.h>

struct event_base;
struct builtin_log;

/* address "127.0.0.1", port 0: any free one. STATUS_IO: cannot listen (errno). */
enum status builtin_log_new(struct builtin_log **out, struct event_base *base, const char *address,
			    uint16_t port) MUST_CHECK;
void builtin_log_free(struct builtin_log *l);
uint16_t builtin_log_port(const struct builtin_log *l);
/* Appends rules. On STATUS_INVALID the reason ("line 2: unknown word …") is in
 * error and nothing was appended. */
enum status builtin_log_script(struct builtin_log *l, struct slice text, struct buf *error) MUST_CHECK;

#endif
