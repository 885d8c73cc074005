#include <sigrelay/commands/progress.h>

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sigrelay/base/log.h>
#include <sigrelay/commands/screen.h>

#define ERASE "\r\033[K"
#define COLUMNS_USUAL 80

/* Whole seconds: a line that is updated once a second shows no fraction. */
static void span(usec t, char out[32])
{
	usec_format(usec_max(0, t) / USEC_PER_SEC * USEC_PER_SEC, out);
}

enum status progress_line(const struct progress *p, const struct progress_moment *m, size_t columns,
			  struct buf *out)
{
	char waited[32], next[32], left[32], text[512];
	span(m->now - p->begun, waited);
	span(m->next - m->now, next);
	span(m->give_up - m->now, left);
	bool known = m->next != USEC_NEVER && m->next > m->now;
	snprintf(text, sizeof(text), "waiting for %s since %s; %s%s%s; gives up in %s", m->what, waited,
		 known ? "next try in " : "a try is out", known ? next : "", "", left);
	/* The last column stays free: some terminals wrap as soon as it is taken. */
	size_t n = strlen(text);
	if (columns && n > columns - 1)
		n = columns - 1;
	return buf_addf(out, "%s%.*s%s", p->colour ? "\033[33m" : "", (int)n, text,
			p->colour ? "\033[0m" : "");
}

bool progress_due(const struct progress *p, usec now)
{
	return p->told < 0 || now - p->told >= PROGRESS_EVERY;
}

static void put(const char *text, size_t n)
{
	ssize_t done = write(STDERR_FILENO, text, n);
	(void)done; /* a terminal that is gone is no reason to end */
}

/* A log line takes the place of the updated one, which is drawn again below it. */
static void above(void *arg, const char *line, size_t n)
{
	(void)arg;
	put(ERASE, sizeof(ERASE) - 1);
	put(line, n);
}

void progress_begin(struct progress *p, char *const *env, usec now)
{
	usec told = p->told;
	bool updates = screen_is(STDERR_FILENO, env);
	*p = (struct progress){ .terminal = updates,
				.colour = screen_has_colour(STDERR_FILENO, env),
				.begun = now,
				.told = told };
	if (p->terminal)
		log_capture(above, NULL);
}

static void draw(const struct progress *p, const struct progress_moment *m)
{
	struct winsize size = { 0 };
	struct buf line;
	buf_init(&line, 2048);
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		size.ws_col = COLUMNS_USUAL;
	if (buf_add_str(&line, ERASE) == STATUS_OK && progress_line(p, m, size.ws_col, &line) == STATUS_OK)
		put(line.p, line.n);
	buf_release(&line);
}

void progress_tell(struct progress *p, const struct progress_moment *m)
{
	if (p->terminal) {
		draw(p, m);
		return;
	}
	if (!progress_due(p, m->now))
		return;
	p->told = m->now;
	char next[32] = "when what is out has ended";
	if (m->next != USEC_NEVER)
		usec_format(usec_max(0, m->next - m->now), next);
	log_event(LOG_WARN, "waiting", LOG_S("what", m->what), LOG_T("since", m->now - p->begun),
		  LOG_S("next_try", next), LOG_T("gives_up", usec_max(0, m->give_up - m->now)),
		  LOG_S("next", "run the command again when Sigstore looks healthy"));
}

void progress_end(struct progress *p)
{
	if (!p->terminal)
		return;
	log_capture(NULL, NULL);
	put(ERASE, sizeof(ERASE) - 1);
}
