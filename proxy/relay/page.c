#include <sigrelay/relay/page.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sigrelay/base/bytes.h>
#include <sigrelay/relay/flights.h>

#include "page_parts.h"

/* The document as it is written: the first failure stays. */
struct sheet {
	const struct page *page;
	struct buf *out;
	enum status st;
	const char *const *columns; /* of the table that is being written, */
	size_t column;              /* … and the next cell's */
};

enum status html_text(struct slice text, struct buf *out)
{
	static const char special[] = "&<>\"'";
	static const char *const instead[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
	enum status st = STATUS_OK;
	for (size_t i = 0; i < text.n && st == STATUS_OK; i++) {
		const char *at = text.p[i] ? strchr(special, text.p[i]) : NULL;
		st = at ? buf_add_str(out, instead[at - special]) : buf_add(out, text.p + i, 1);
	}
	return st;
}

static void put(struct sheet *s, const char *html)
{
	if (s->st == STATUS_OK)
		s->st = buf_add_str(s->out, html);
}

static void text(struct sheet *s, struct slice t)
{
	if (s->st == STATUS_OK)
		s->st = html_text(t, s->out);
}

/* Formatted text, escaped. */
__attribute__((format(printf, 2, 3))) static void say(struct sheet *s, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		text(s, (struct slice){ line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1 });
}

/* For people: whole seconds from ten on, a tenth below. */
static void span(struct sheet *s, usec t)
{
	char shown[32];
	usec unit = t >= 10 * USEC_PER_SEC ? USEC_PER_SEC : USEC_PER_SEC / 10;
	usec_format(t > 0 ? t - t % unit : 0, shown);
	say(s, "%s", shown);
}

static void moment(struct sheet *s, usec mono)
{
	const struct relay *r = s->page->relay;
	time_t at = (time_t)((r->now.wall - (r->now.mono - mono)) / USEC_PER_SEC);
	struct tm tm = { 0 };
	char iso[32], shown[32];
	gmtime_r(&at, &tm);
	strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%SZ", &tm);
	strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M:%S UTC", &tm);
	put(s, "<time datetime=\"");
	put(s, iso);
	put(s, "\">");
	put(s, shown);
	put(s, "</time>");
}

/* Roles are said in full: on a narrow screen rows are shown as blocks, and browsers
 * then take a table for none. */
static void table_begin(struct sheet *s, const char *caption, const char *const *columns)
{
	s->columns = columns;
	put(s, "<table role=\"table\"><caption>");
	put(s, caption);
	put(s, "</caption><thead role=\"rowgroup\"><tr role=\"row\">");
	for (; *columns; columns++) {
		put(s, "<th role=\"columnheader\" scope=\"col\">");
		put(s, *columns);
		put(s, "</th>");
	}
	put(s, "</tr></thead><tbody role=\"rowgroup\">");
}

static void table_end(struct sheet *s)
{
	put(s, "</tbody></table>");
}

/* The row's name; text of it follows, then row_named. */
static void row_begin(struct sheet *s, const char *class)
{
	s->column = 1;
	put(s, *class ? "<tr role=\"row\" class=\"" : "<tr role=\"row\"");
	put(s, class);
	put(s,
	    *class ? "\"><th role=\"rowheader\" scope=\"row\">" : "><th role=\"rowheader\" scope=\"row\">");
}

static void row_named(struct sheet *s)
{
	put(s, "</th>");
}

static void cell_begin(struct sheet *s, const char *class)
{
	put(s, "<td role=\"cell\" data-label=\"");
	put(s, s->columns[s->column++]);
	put(s, "\" class=\"");
	put(s, class);
	put(s, "\">");
}

static void cell_end(struct sheet *s)
{
	put(s, "</td>");
}

static void row_end(struct sheet *s)
{
	put(s, "</tr>");
}

/* A whole cell of plain text. */
static void cell(struct sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void cell(struct sheet *s, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cell_begin(s, "");
	text(s, slice_str(line));
	cell_end(s);
}

/* --- is Sigstore well? ---------------------------------------------------- */

static const char *const service_titles[SERVICE_COUNT] = {
	[SERVICE_REKOR] = "Rekor (transparency log)",
	[SERVICE_FULCIO] = "Fulcio (certificates)",
	[SERVICE_TSA] = "Timestamp authority",
};

/* The oldest outage that goes on; false: none does. *since is then the latest recovery,
 * or the start. */
static bool find_outage(const struct page *p, enum service *service, enum side *side, usec *since)
{
	bool any = false;
	usec latest = p->started, oldest = USEC_NEVER;
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		for (enum side d = 0; d < SIDE_COUNT; d++) {
			const struct breaker *b = &p->relay->upstream[s].gate.breaker[d];
			if (b->state == BREAKER_CLOSED) {
				latest = usec_max(latest, b->since);
			} else if (b->opened_at < oldest) {
				any = true;
				oldest = b->opened_at;
				*service = s;
				*side = d;
			}
		}
	}
	*since = any ? oldest : latest;
	return any;
}

static void verdict_line(struct sheet *s)
{
	const struct relay *r = s->page->relay;
	enum service service = SERVICE_REKOR;
	enum side side = SIDE_WRITE;
	usec since;
	if (find_outage(s->page, &service, &side, &since)) {
		put(s, "<p class=\"ill\"><strong>");
		say(s, "%s cannot be %s", service_titles[service],
		    side == SIDE_WRITE ? "written to" : "read from");
		put(s, "</strong> since ");
	} else {
		put(s, "<p class=\"well\"><strong>Sigstore is well</strong> since ");
	}
	moment(s, since);
	put(s, " (");
	span(s, r->now.mono - since);
	put(s, "). ");
	if (r->draining)
		put(s, "<strong>This relay is leaving.</strong> ");
	say(s, "%zu request%s in hand, %zu of them parked.", r->exchanges, r->exchanges == 1 ? "" : "s",
	    flights_parked(r));
	put(s, "</p>");
}

static void side_row(struct sheet *s, enum service service, enum side side)
{
	static const char *const shown[] = { [BREAKER_CLOSED] = "well",
					     [BREAKER_HALF_OPEN] = "down, the probe is out",
					     [BREAKER_OPEN] = "down" };
	const struct relay *r = s->page->relay;
	const struct upstream *up = &r->upstream[service];
	const struct breaker *b = &up->gate.breaker[side];
	bool well = b->state == BREAKER_CLOSED;
	row_begin(s, "");
	say(s, "%s, %s", service_titles[service], side_name(side));
	row_named(s);
	cell_begin(s, well ? "well" : "ill");
	say(s, "%s (%s)", shown[b->state], breaker_state_name(b->state));
	cell_end(s);
	cell_begin(s, "");
	moment(s, well ? b->since : b->opened_at);
	cell_end(s);
	cell_begin(s, "");
	if (b->state == BREAKER_OPEN) {
		put(s, "in ");
		span(s, b->next_probe - r->now.mono);
	} else {
		put(s, well ? "none needed" : "now");
	}
	cell_end(s);
	cell(s, "%zu", gate_in_line(&up->gate, side));
	cell(s, "%s", up->last_error[side][0] ? up->last_error[side] : "none");
	row_end(s);
}

static void services(struct sheet *s)
{
	static const char *const columns[] = { "Service, side", "State",      "Since", "Next probe",
					       "In line",       "Last error", NULL };
	table_begin(s, "Each side of each service has a circuit breaker", columns);
	for (enum service i = 0; i < SERVICE_COUNT; i++) {
		side_row(s, i, SIDE_READ);
		side_row(s, i, SIDE_WRITE);
	}
	table_end(s);
}

/* --- what waits, what was saved -------------------------------------------- */

static void held_row(struct sheet *s, enum operation op, const struct flights_held *h)
{
	row_begin(s, "");
	put(s, operation_name(op));
	row_named(s);
	cell(s, "%zu", h->exchanges);
	cell(s, "%zu", h->orphans);
	cell_begin(s, "");
	span(s, h->longest);
	cell_end(s);
	cell_begin(s, "");
	if (h->next_deadline == USEC_NEVER)
		put(s, "none");
	else
		span(s, h->next_deadline - s->page->relay->now.mono);
	cell_end(s);
	row_end(s);
}

static void waiting(struct sheet *s)
{
	static const char *const columns[] = { "Operation",    "Requests",      "Without a client",
					       "Longest wait", "Next deadline", NULL };
	struct flights_held held[OP_COUNT];
	bool any = false;
	flights_hold(s->page->relay, held);
	for (enum operation op = 0; op < OP_COUNT; op++) {
		const struct flights_held *h = &held[op];
		if (h->exchanges + h->orphans == 0)
			continue;
		if (!any)
			table_begin(s, "Requests in hand", columns);
		any = true;
		held_row(s, op, h);
	}
	if (any)
		table_end(s);
	else
		put(s, "<p>Nothing waits.</p>");
}

static void saved(struct sheet *s)
{
	static const char *const columns[] = { "How", "Requests", "What would have happened", NULL };
	static const char *const meaning[SAVED_COUNT] = {
		[SAVED_CONFLICT] = "the log's 409 would have failed the client",
		[SAVED_LOOKUP] = "its entry would have been a 404",
		[SAVED_RETRY] = "an error or a lost answer would have failed it",
		[SAVED_HEDGE] = "it would have hung on a lost answer",
		[SAVED_OUTAGE] = "it would have met an outage",
	};
	table_begin(s, "Requests that would have failed without this relay", columns);
	for (enum saved how = 0; how < SAVED_COUNT; how++) {
		row_begin(s, "");
		put(s, saved_name(how));
		row_named(s);
		cell(s, "%lld", (long long)metric_value(s->page->relay->telemetry.saved[how]));
		cell(s, "%s", meaning[how]);
		row_end(s);
	}
	table_end(s);
}

/* --- events and settings --------------------------------------------------- */

static struct slice word(struct slice *rest)
{
	const char *blank = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
	struct slice w = { rest->p, blank ? (size_t)(blank - rest->p) : rest->n };
	size_t used = w.n + (blank != NULL);
	*rest = (struct slice){ rest->p + used, rest->n - used };
	return w;
}

static void events(struct sheet *s)
{
	struct event_line e;
	if (!events_at(s->page->events, 0, &e)) {
		put(s, "<p>None yet.</p>");
		return;
	}
	put(s, "<ol class=\"events\" role=\"list\">");
	for (size_t i = 0; events_at(s->page->events, i, &e); i++) {
		struct slice rest = e.text, at = word(&rest), level = word(&rest), name = word(&rest);
		put(s, e.level <= LOG_WARN ? "<li class=\"ill\"><time datetime=\"" : "<li><time datetime=\"");
		text(s, at);
		put(s, "\">");
		text(s, at);
		put(s, "</time> ");
		text(s, level);
		put(s, " <strong>");
		text(s, name);
		put(s, "</strong> <span>");
		text(s, rest);
		put(s, "</span></li>");
	}
	put(s, "</ol>");
}

static void setting_row(struct sheet *s, const struct setting_info *info, struct buf *value)
{
	buf_reset(value);
	if (s->st == STATUS_OK)
		s->st = settings_format(info, s->page->settings, value);
	bool set = strcmp(value->n ? value->p : "", info->default_text) != 0;
	row_begin(s, set ? "set" : "");
	put(s, info->name);
	row_named(s);
	cell_begin(s, "");
	text(s, value->n ? buf_slice(value) : slice_str("(unset)"));
	cell_end(s);
	cell(s, "%s", *info->default_text ? info->default_text : "(unset)");
	cell(s, "%s", info->help);
	row_end(s);
}

static void settings_in_force(struct sheet *s)
{
	static const char *const columns[] = { "Setting", "Value", "Default", "What it is", NULL };
	struct buf value;
	buf_init(&value, 65536);
	put(s, "<details><summary>Settings in force</summary>");
	table_begin(s, "Settings; those that differ from their default are in bold", columns);
	for (size_t i = 0; i < settings_count; i++)
		setting_row(s, &settings_table[i], &value);
	table_end(s);
	put(s, "</details>");
	buf_release(&value);
}

/* --- the whole ------------------------------------------------------------- */

static void section(struct sheet *s, const char *id, const char *title, void (*body)(struct sheet *))
{
	put(s, "<section aria-labelledby=\"");
	put(s, id);
	put(s, "-h\"><h2 id=\"");
	put(s, id);
	put(s, "-h\">");
	put(s, title);
	put(s, "</h2><div id=\"");
	put(s, id);
	put(s, "\">");
	body(s);
	put(s, "</div></section>");
}

static void head(struct sheet *s)
{
	enum service service;
	enum side side;
	usec since;
	put(s, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	       "<meta name=\"color-scheme\" content=\"light dark\"><title>");
	put(s, find_outage(s->page, &service, &side, &since) ? "Outage" : "Sigstore is well");
	put(s, " - sigrelay</title><noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>"
	       "<link rel=\"icon\" href=\"data:,\"><style>");
	put(s, PAGE_STYLE);
	put(s, "</style></head>");
}

static void foot(struct sheet *s)
{
	put(s, "</main><footer><p>");
	say(s, "sigrelay " SIGRELAY_VERSION ", up ");
	span(s, s->page->relay->now.mono - s->page->started);
	put(s,
	    ". Also here: <a href=\"/status\">/status</a> (JSON), <a href=\"/metrics\">/metrics</a> "
	    "(Prometheus), <a href=\"/healthz\">/healthz</a>, <a href=\"/readyz\">/readyz</a>.</p></footer>"
	    "<script>");
	put(s, PAGE_SCRIPT);
	put(s, "</script></body></html>\n");
}

enum status page_html(const struct page *p, struct buf *out)
{
	struct sheet s = { .page = p, .out = out };
	head(&s);
	put(&s, "<body><header><h1>sigrelay</h1><div id=\"verdict\" role=\"status\">");
	verdict_line(&s);
	put(&s, "</div><p id=\"live\" hidden></p></header><main>");
	section(&s, "services", "Services", services);
	section(&s, "waiting", "What waits", waiting);
	section(&s, "saved", "What was saved", saved);
	section(&s, "events", "Last events", events);
	section(&s, "settings", "Build and settings", settings_in_force);
	foot(&s);
	return s.st;
}

static enum status add_hash(const char *directive, const char *of, struct buf *out)
{
	struct digest d;
	const struct slice text = slice_str(of);
	enum status st = sha256(&d, &text, 1);
	if (st == STATUS_OK)
		st = buf_addf(out, "%s 'sha256-", directive);
	if (st == STATUS_OK)
		st = base64_encode((struct slice){ (const char *)d.b, sizeof(d.b) }, out);
	return st == STATUS_OK ? buf_add_str(out, "'; ") : st;
}

/* By hash and not by nonce: the page that the script fetches, with another nonce, would
 * be refused its style in the middle of the parse. */
enum status page_policy(struct buf *out)
{
	enum status st = add_hash("default-src 'none'; style-src", PAGE_STYLE, out);
	if (st == STATUS_OK)
		st = add_hash("script-src", PAGE_SCRIPT, out);
	return st == STATUS_OK ? buf_add_str(out, "connect-src 'self'; img-src data:; base-uri 'none'; "
						  "form-action 'none'; frame-ancestors 'none'")
			       : st;
}
