#include <sigrelay/builtin/faults.h>

#include <string.h>

#include <sigrelay/base/mem.h>
#include <sigrelay/base/settings.h>

const char *const place_names[PLACES] = {
	[PLACE_CREATE] = "create", [PLACE_GET] = "get",         [PLACE_QUERY] = "query",
	[PLACE_SIGN] = "sign",     [PLACE_STAMP] = "stamp",     [PLACE_TOKEN] = "token",
	[PLACE_OTHER] = "other",   [PLACE_CONTROL] = "control",
};

enum argument { ARG_NONE, ARG_DURATION, ARG_MAYBE_DURATION, ARG_COUNT, ARG_STATUS, ARG_LOST };

static const struct {
	const char *name;
	enum word word;
	enum argument argument;
} words[] = {
	{ "ok", WORD_OK, ARG_NONE },
	{ "refuse", WORD_REFUSE, ARG_NONE },
	{ "reset", WORD_RESET, ARG_NONE },
	{ "stall", WORD_STALL, ARG_MAYBE_DURATION },
	{ "half", WORD_HALF, ARG_NONE },
	{ "drip", WORD_DRIP, ARG_DURATION },
	{ "junk", WORD_JUNK, ARG_NONE },
	{ "wrong-leaf", WORD_WRONG_LEAF, ARG_NONE },
	{ "other-entry", WORD_OTHER_ENTRY, ARG_NONE },
	{ "status", WORD_STATUS, ARG_STATUS },
	{ "lose", WORD_LOSE, ARG_LOST },
	{ "hold", WORD_HOLD, ARG_NONE },
	{ "delay", WORD_DELAY, ARG_DURATION },
	{ "down", WORD_DOWN, ARG_DURATION },
	{ "pause-log", WORD_PAUSE_LOG, ARG_MAYBE_DURATION },
	{ "resume-log", WORD_RESUME_LOG, ARG_NONE },
	{ "absent", WORD_ABSENT, ARG_COUNT },
	{ "late", WORD_LATE, ARG_DURATION },
};

struct rule {
	struct rule *next;
	bool everywhere;
	enum place at;
	int64_t left; /* -1: always */
	struct fault fault;
};

void faults_init(struct faults *f)
{
	f->first = NULL;
}

static void rules_free(struct rule *r)
{
	while (r) {
		struct rule *next = r->next;
		mem_free(r);
		r = next;
	}
}

void faults_release(struct faults *f)
{
	rules_free(f->first);
	f->first = NULL;
}

/* The next word of a line; empty at its end. */
static struct slice next_word(struct slice *line)
{
	*line = slice_trim(*line);
	size_t n = 0;
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
		n++;
	struct slice w = { line->p, n };
	line->p += n;
	line->n -= n;
	return w;
}

/* Why a line was refused: a fixed phrase and the word it stumbled on. */
struct complaint {
	const char *what;
	struct slice word;
};

static bool complain(struct complaint *c, const char *what, struct slice word)
{
	c->what = what;
	c->word = word;
	return false;
}

static bool parse_place(struct slice w, struct rule *r, struct complaint *c)
{
	r->everywhere = slice_eq_str(w, "all");
	if (r->everywhere)
		return true;
	for (size_t i = 0; i < PLACE_OTHER; i++) {
		if (slice_eq_str(w, place_names[i])) {
			r->at = (enum place)i;
			return true;
		}
	}
	return complain(c, "unknown place (want create, get, query, sign, stamp, token or all)", w);
}

static bool parse_status(struct slice w, int64_t *out)
{
	uint64_t n;
	if (slice_u64(w, &n) != STATUS_OK || n < 200 || n > 599)
		return false;
	*out = (int64_t)n;
	return true;
}

static bool parse_status_argument(struct slice w, struct slice *line, struct fault *f, struct complaint *c)
{
	uint64_t seconds;
	if (!parse_status(w, &f->n))
		return complain(c, "status wants a number from 200 to 599", w);
	w = next_word(line);
	if (w.n == 0)
		return true;
	if (!slice_eq_str(w, "retry-after"))
		return complain(c, "after status N only 'retry-after SECONDS' may follow", w);
	w = next_word(line);
	if (slice_u64(w, &seconds) != STATUS_OK || seconds > 1000000)
		return complain(c, "retry-after wants whole seconds", w);
	f->retry_after = (int64_t)seconds;
	return true;
}

static bool parse_lost(struct slice w, struct fault *f, struct complaint *c)
{
	f->n = 502;
	if (w.n == 0)
		return true;
	if (slice_eq_str(w, "reset"))
		f->lost_by = LOST_BY_RESET;
	else if (slice_eq_str(w, "close"))
		f->lost_by = LOST_BY_CLOSE;
	else if (slice_eq_str(w, "stall"))
		f->lost_by = LOST_BY_STALL;
	else if (!parse_status(w, &f->n))
		return complain(c, "lose wants reset, close, stall or a status", w);
	return true;
}

static bool parse_count(struct slice w, struct fault *f, struct complaint *c)
{
	uint64_t n;
	if (slice_u64(w, &n) != STATUS_OK || n > INT32_MAX)
		return complain(c, "wants a count", w);
	f->n = (int64_t)n;
	return true;
}

static bool parse_duration(struct slice w, struct fault *f, struct complaint *c)
{
	return duration_read(w, &f->duration) == STATUS_OK ||
	       complain(c, "wants a duration such as 500ms, 10s or 5m", w);
}

static bool parse_argument(enum argument a, struct slice *line, struct fault *f, struct complaint *c)
{
	if (a == ARG_NONE)
		return true;
	struct slice w = next_word(line);
	switch (a) {
	case ARG_MAYBE_DURATION:
		return w.n == 0 || parse_duration(w, f, c);
	case ARG_DURATION:
		return parse_duration(w, f, c);
	case ARG_COUNT:
		return parse_count(w, f, c);
	case ARG_STATUS:
		return parse_status_argument(w, line, f, c);
	case ARG_LOST:
		return parse_lost(w, f, c);
	case ARG_NONE:
		break;
	}
	return true;
}

static bool parse_fault(struct slice w, struct slice *line, struct fault *f, struct complaint *c)
{
	f->duration = USEC_NEVER;
	f->retry_after = -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_eq_str(w, words[i].name)) {
			f->word = words[i].word;
			return parse_argument(words[i].argument, line, f, c);
		}
	}
	return complain(c, "unknown word", w);
}

static bool parse_rule(struct slice line, struct rule *r, struct complaint *c)
{
	uint64_t count;
	if (!parse_place(next_word(&line), r, c))
		return false;
	struct slice w = next_word(&line);
	r->left = 1;
	if (slice_eq_str(w, "always")) {
		r->left = -1;
		w = next_word(&line);
	} else if (slice_u64(w, &count) == STATUS_OK && count > 0 && count <= INT32_MAX) {
		r->left = (int64_t)count;
		w = next_word(&line);
	}
	if (!parse_fault(w, &line, &r->fault, c))
		return false;
	line = slice_trim(line);
	return line.n == 0 || complain(c, "more than the word takes", line);
}

static struct slice next_line(struct slice *text)
{
	const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
	size_t n = end ? (size_t)(end - text->p) : text->n;
	struct slice line = { text->p, n };
	size_t skip = end ? n + 1 : n;
	text->p += skip;
	text->n -= skip;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	const char *hash = line.n ? memchr(line.p, '#', line.n) : NULL;
	if (hash)
		line.n = (size_t)(hash - line.p);
	return slice_trim(line);
}

static enum status parse_line(struct slice line, size_t number, struct rule ***tail, struct buf *error)
{
	struct complaint c = { NULL, { NULL, 0 } };
	struct rule *r = mem_calloc(1, sizeof(*r));
	if (!r)
		return STATUS_NO_MEMORY;
	if (!parse_rule(line, r, &c)) {
		mem_free(r);
		enum status s = buf_addf(error, "line %zu: %s: '%.*s'", number, c.what,
					 (int)(c.word.n < 80 ? c.word.n : 80), c.word.n ? c.word.p : "");
		return s == STATUS_OK ? STATUS_INVALID : s;
	}
	**tail = r;
	*tail = &r->next;
	return STATUS_OK;
}

enum status faults_add(struct faults *f, struct slice text, struct buf *error)
{
	struct rule *first = NULL, **tail = &first;
	enum status s = STATUS_OK;
	for (size_t number = 1; s == STATUS_OK && text.n; number++) {
		struct slice line = next_line(&text);
		if (line.n)
			s = parse_line(line, number, &tail, error);
	}
	if (s != STATUS_OK) {
		rules_free(first);
		return s;
	}
	struct rule **end = &f->first;
	while (*end)
		end = &(*end)->next;
	*end = first;
	return STATUS_OK;
}

static bool changes_log(enum word w)
{
	return w >= WORD_PAUSE_LOG;
}

static void use(struct rule **at)
{
	struct rule *r = *at;
	if (r->left < 0 || --r->left > 0)
		return;
	*at = r->next;
	mem_free(r);
}

struct fault faults_take(struct faults *f, enum place at, void (*change)(void *arg, const struct fault *),
			 void *arg)
{
	struct rule **p = &f->first;
	while (*p) {
		struct rule *r = *p;
		if (!r->everywhere && r->at != at) {
			p = &r->next;
			continue;
		}
		struct fault fault = r->fault;
		use(p);
		if (!changes_log(fault.word))
			return fault;
		change(arg, &fault);
		if (*p == r) /* not used up, and done with for this request */
			p = &r->next;
	}
	return (struct fault){ .word = WORD_OK, .duration = USEC_NEVER, .retry_after = -1 };
}

int64_t faults_left(const struct faults *f)
{
	int64_t n = 0;
	for (const struct rule *r = f->first; r; r = r->next)
		n += r->left < 0 ? 1 : r->left;
	return n;
}
