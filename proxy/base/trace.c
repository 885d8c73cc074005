#include <sigrelay/base/trace.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where the parts of "00-<trace-id>-<parent-id>-<flags>" begin. */
#define AT_ID 3
#define AT_PARENT (AT_ID + TRACE_ID_HEX + 1)
#define AT_FLAGS (AT_PARENT + 16 + 1)

/* sampled, and random of level 2; the others are to be sent as 0 (3.2.2.5). */
#define FLAGS_KNOWN 0x03

/* Upper case is not allowed (3.2.2). */
static bool lower_hex(const char *p, size_t n)
{
	return strspn(p, "0123456789abcdef") >= n;
}

static bool all_zero(const char *p, size_t n)
{
	return strspn(p, "0") >= n;
}

/* Of version 00 nothing follows; of a later one perhaps more fields. */
static bool ends_well(const char *head, struct slice whole)
{
	if (memcmp(head, "00", 2) == 0)
		return whole.n == TRACE_PARENT_MAX;
	return memcmp(head, "ff", 2) != 0 &&
	       (whole.n == TRACE_PARENT_MAX || whole.p[TRACE_PARENT_MAX] == '-');
}

static bool well_formed(const char *p)
{
	return lower_hex(p, 2) && p[AT_ID - 1] == '-' && lower_hex(p + AT_ID, TRACE_ID_HEX) &&
	       p[AT_PARENT - 1] == '-' && lower_hex(p + AT_PARENT, 16) && p[AT_FLAGS - 1] == '-' &&
	       lower_hex(p + AT_FLAGS, 2);
}

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

enum status trace_parse(struct trace *t, struct slice traceparent)
{
	char p[TRACE_PARENT_MAX + 1];
	if (traceparent.n < TRACE_PARENT_MAX)
		return STATUS_INVALID;
	memcpy(p, traceparent.p, TRACE_PARENT_MAX);
	p[TRACE_PARENT_MAX] = '\0';
	if (!well_formed(p) || !ends_well(p, traceparent) || all_zero(p + AT_ID, TRACE_ID_HEX) ||
	    all_zero(p + AT_PARENT, 16))
		return STATUS_INVALID;
	memcpy(t->id, p + AT_ID, TRACE_ID_HEX);
	t->id[TRACE_ID_HEX] = '\0';
	t->flags = (unsigned char)((digit(p[AT_FLAGS]) << 4 | digit(p[AT_FLAGS + 1])) & FLAGS_KNOWN);
	return STATUS_OK;
}

void trace_write(const struct trace *t, uint64_t parent, char out[TRACE_PARENT_MAX + 1])
{
	out[0] = '\0';
	if (t->id[0])
		snprintf(out, TRACE_PARENT_MAX + 1, "00-%s-%016" PRIx64 "-%02x", t->id, parent, t->flags);
}

const char *trace_id(const struct trace *t)
{
	return t->id[0] ? t->id : NULL;
}
