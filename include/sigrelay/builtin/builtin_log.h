/* The built-in log: a small, faithful Rekor + Fulcio + timestamp authority on
 * one loopback port, with real keys, leaf hashes, inclusion proofs and signed
 * entry timestamps, which speaks faults as words.
 *
 * Tests and `sigrelay demo` use it; nothing of the relay depends on it. It runs
 * on the caller's event base, or as a program of its own (`sigrelay
 * builtin-log`, see commands/). Not for production: keys live in memory.
 *
 * Faults are a script: one line a rule, `WHERE [COUNT] WORD [ARG…]`, `#` begins
 * a comment:
 *   create  POST /api/v1/log/entries      get     GET  /api/v1/log/entries/{id}
 *   query   the log's other reads         sign    POST signingCert
 *   stamp   POST timestamp                token   the CI's token endpoint
 *   all     everything save the control path
 * COUNT: how many requests it hits (default 1; `always`). The first rule that
 * means a request's place is used; with none left the place behaves.
 *   ok                       behave
 *   refuse                   RST at the request's head; the body is not read
 *   reset                    read the request, do not act, RST
 *   stall [DURATION]         read the request, do not act, say nothing; close after
 *                            DURATION (default: never)
 *   half                     act, send half of the answer, close
 *   drip DURATION            act, send the answer a byte at a time over DURATION
 *   junk                     do not act; 200 (or 201) with an HTML page
 *   wrong-leaf               act; answer an entry whose key is not its leaf hash
 *   other-entry              act; answer some other true entry
 *   status N [retry-after S] do not act; N with the service's own error shape
 *                            (HTML for 429 and 502)
 *   lose [HOW]               act (the leaf is queued), then lose the answer: at once
 *                            by reset (RST), close or status N (default 502), or
 *                            by stall: it never comes
 *   hold                     act when told: waits for `release` on the control path
 *   delay DURATION           act after DURATION
 *   down DURATION            from this request on, every request is `refuse`d for
 *                            DURATION, save those of the control path
 * These change the log, and leave the request to its next rule:
 *   pause-log [DURATION]     leaves are queued and not integrated from now on (a
 *                            paused signer): POST hangs, a repeat gets 409, GET gets
 *                            404; until resumed, or for DURATION
 *   resume-log               integrates what is queued
 *   absent N                 the next N lookups of any entry find nothing, though
 *                            it is integrated
 *   late DURATION            the next entry's integratedTime is that much later than now
 * So the incident is `create pause-log 3s` and `create lose`.
 *
 * A POST that hangs looks for its leaf as Trillian's client does, after 100 ms,
 * 200 ms more, 400 ms more, … up to 10 s: its answer comes later than a GET's,
 * and after 30 s not at all (Rekor's write timeout: an empty reply).
 *
 * Control, on the same port, for tests (PLACE_CONTROL is never faulted):
 *   POST /_control/script     text, appended          POST /_control/clear
 *   POST /_control/release    what is held, goes on
 *   POST /_control/pause      POST /_control/resume
 *   GET  /_control/state      JSON: requests by place, refused, gone (clients that
 *                             hung up), queued (leaves so far, integrated or not),
 *                             integrated, hanging, held, delayed, stalled, rules left
 *   GET  /_control/wait?KEY=N answers with the state when counter KEY is at least
 *                             N: a barrier
 *   GET  /_control/keys       JSON: "rekor.pub", "ctfe.pub", "fulcio.pem", "tsa.pem"
 *                             (leaf and root), "trusted_root", "signing_config",
 *                             "issuer", "actions_token_url", "actions_request_token"
 *   GET  /_control/keys/NAME  one of them alone; also trusted-root.json and
 *                             signing-config.json
 *   POST /_control/token      an identity token: {"token":…}; optional body
 *                             {"email":…,"lifetime":"10m","audience":…} */
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
