#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sigrelay/base/utf8.h>

#include "registry_inside.h"
#include "remover_inside.h"

#define REMARK 152

void verdict_left(struct verdict *v, enum obstacle o, const char *fmt, ...)
{
	va_list ap;
	*v = (struct verdict){ .result = REMOVAL_LEFT, .obstacle = o };
	va_start(ap, fmt);
	vsnprintf(v->reason, sizeof(v->reason), fmt, ap);
	va_end(ap);
}

/* What the status alone does not say. */
static void print_remark(const struct web_answer *a, char out[REMARK])
{
	char text[100];
	struct slice to = web_header(a, "Location", 0);
	*out = '\0';
	if (web_answer_throttles(a)) {
		usec_format(a->retry_after, text);
		snprintf(out, REMARK, " (too many requests%s%s)",
			 a->retry_after > 0 ? "; it may be asked again in " : "",
			 a->retry_after > 0 ? text : "");
	} else if (a->status >= 300 && a->status < 400 && to.n) {
		utf8_plain(to, text, sizeof(text));
		snprintf(out, REMARK, " (a redirect to %s, which is not followed)", text);
	}
}

void answer_words(const struct web_answer *a, char out[ANSWER_WORDS])
{
	struct buf words;
	char remark[REMARK];
	if (a->status == 0) {
		snprintf(out, ANSWER_WORDS, "no answer: %.300s", a->error);
		return;
	}
	print_remark(a, remark);
	buf_init(&words, 1024);
	if (error_print(a, &words) == STATUS_OK)
		snprintf(out, ANSWER_WORDS, "%.240s%s", words.p + 1, remark);
	else
		snprintf(out, ANSWER_WORDS, "%d%s", a->status, remark);
	buf_release(&words);
}

static enum obstacle obstacle_of(const struct web_answer *a)
{
	struct registry_error e;
	registry_error_read(buf_slice(&a->body), &e);
	if (a->status == 0 || a->status == 408 || a->status >= 500 || web_answer_throttles(a))
		return OBSTACLE_FAULT;
	if (registry_error_immutable(a->status, &e))
		return OBSTACLE_IMMUTABLE;
	if (a->status == 401 || a->status == 403)
		return OBSTACLE_DENIED;
	if (a->status == 409 || a->status == 412 || strcmp(e.code, "GOOGLE_MANIFEST_DANGLING_TAG") == 0)
		return OBSTACLE_SHARED;
	return OBSTACLE_UNSUPPORTED;
}

void verdict_of_answer(struct verdict *v, const struct web_answer *a, const char *asked,
		       const char *no_access)
{
	char words[ANSWER_WORDS];
	bool access = no_access && *no_access;
	answer_words(a, words);
	verdict_left(v, obstacle_of(a), "%.200s: %.400s", asked, access ? no_access : words);
	if (access && v->obstacle == OBSTACLE_UNSUPPORTED)
		v->obstacle = OBSTACLE_DENIED;
}

void verdict_untagged(struct verdict *v)
{
	if (v->result != REMOVAL_LEFT || v->obstacle == OBSTACLE_FAULT || v->obstacle == OBSTACLE_STOPPED)
		return;
	char why[REMOVAL_REASON];
	memcpy(why, v->reason, sizeof(why));
	v->result = REMOVAL_KEPT;
	snprintf(v->reason, sizeof(v->reason), "has no tag any more, and is left to the registry: %.500s",
		 why);
}

const char *removal_what_name(enum removal_what w)
{
	static const char *const names[] = { "tag", "digest", "child", "signature" };
	return names[w];
}

const char *removal_result_name(enum removal_result r)
{
	static const char *const names[] = { "planned", "deleted", "gone", "kept", "left" };
	return names[r];
}
