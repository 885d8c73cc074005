/* The page for people at / of the admin listener: is Sigstore well, since when, what
 * waits, what was saved, the last events, the settings in force.
 *
 * One document with nothing outside it; read-only. Every text that comes from
 * elsewhere is escaped. Where scripts run it stays live by fetching itself, else
 * the browser loads it again every few seconds. */
#ifndef SIGRELAY_RELAY_PAGE_H
#define SIGRELAY_RELAY_PAGE_H

#include <sigrelay/base/buf.h>
#include <sigrelay/base/settings.h>
#include <sigrelay/relay/events.h>
#include <sigrelay/relay/relay.h>

struct page {
	const struct relay *relay;
	const struct settings *settings;
	const struct events *events;
	usec started; /* monotonic */
};

enum status page_html(const struct page *p, struct buf *out) MUST_CHECK;
/* The value of Content-Security-Policy that goes with it. */
enum status page_policy(struct buf *out) MUST_CHECK;

/* Text into HTML: the five characters that mean something there. */
enum status html_text(struct slice text, struct buf *out) MUST_CHECK;

#endif
