#include <sigrelay/commands/status_table.h>

#include <math.h>
#include <stdio.h>

#include <sigrelay/base/clock.h>
#include <sigrelay/base/utf8.h>

#define CELL 96

static double number_at(const cJSON *object, const char *key)
{
	const cJSON *item = json_at(object, key, NULL);
	return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

/* Seconds as people read them; "-" when there are none. */
static void seconds_text(double seconds, char out[32])
{
	if (seconds >= 0 && seconds < 1e12)
		usec_format((usec)(seconds * 1e6), out);
	else
		snprintf(out, 32, "-");
}

/* The printable part of a string that came over the wire. */
static void plain_text(struct slice s, char out[CELL])
{
	utf8_plain(s, out, CELL);
	if (!*out)
		snprintf(out, CELL, "-");
}

static const char *state_colour(struct slice state)
{
	if (slice_eq_str(state, "closed"))
		return "\033[32m";
	return slice_eq_str(state, "open") ? "\033[31m" : "\033[33m";
}

static enum status side_line(const char *service, const char *side, const cJSON *at, bool colour,
			     struct buf *out)
{
	char since[32], probe[32], state[CELL], error[CELL];
	struct slice name = json_str_at(at, "state", NULL);
	if (!at)
		return STATUS_OK;
	seconds_text(number_at(at, "since_seconds"), since);
	seconds_text(number_at(at, "next_probe_seconds"), probe);
	plain_text(name, state);
	plain_text(json_str_at(at, "last_error", NULL), error);
	return buf_addf(out, "%-8s %-6s %s%-10s%s %-10s %-11s %s\n", service, side,
			colour ? state_colour(name) : "", state, colour ? "\033[0m" : "", since, probe,
			error);
}

static enum status service_lines(const cJSON *services, bool colour, struct buf *out)
{
	const cJSON *service;
	enum status st = buf_addf(out, "\n%-8s %-6s %-10s %-10s %-11s %s\n", "SERVICE", "SIDE", "STATE",
				  "SINCE", "NEXT PROBE", "LAST ERROR");
	cJSON_ArrayForEach(service, services)
	{
		char name[CELL];
		plain_text(slice_str(service->string), name);
		if (st == STATUS_OK)
			st = side_line(name, "read", json_at(service, "read", NULL), colour, out);
		if (st == STATUS_OK)
			st = side_line(name, "write", json_at(service, "write", NULL), colour, out);
	}
	return st;
}

static enum status upstream_lines(const cJSON *services, struct buf *out)
{
	const cJSON *service;
	enum status st = buf_add_str(out, "\n");
	cJSON_ArrayForEach(service, services)
	{
		char name[CELL], url[CELL];
		plain_text(slice_str(service->string), name);
		plain_text(json_str_at(service, "upstream", NULL), url);
		if (st == STATUS_OK)
			st = buf_addf(out, "%-8s %s\n", name, url);
	}
	return st;
}

static enum status saved_line(const cJSON *saved, struct buf *out)
{
	const cJSON *how;
	const char *gap = " ";
	enum status st = buf_add_str(out, "\nSaved by");
	cJSON_ArrayForEach(how, saved)
	{
		char name[CELL];
		plain_text(slice_str(how->string), name);
		if (st == STATUS_OK && cJSON_IsNumber(how))
			st = buf_addf(out, "%s%s %.0f", gap, name, how->valuedouble);
		gap = ", ";
	}
	return st == STATUS_OK ? buf_add_str(out, "\n") : st;
}

enum status status_table(const cJSON *root, bool colour, struct buf *out)
{
	char version[CELL], up[32];
	const cJSON *services = json_at(root, "services", NULL);
	double in_flight = number_at(root, "in_flight");
	double parked = number_at(root, "parked");
	if (!cJSON_IsObject(services) || isnan(in_flight) || isnan(parked))
		return STATUS_INVALID;
	plain_text(json_str_at(root, "version", NULL), version);
	seconds_text(number_at(root, "uptime_seconds"), up);
	enum status st =
	    buf_addf(out, "sigrelay %s, up %s%s: %.0f in flight, %.0f parked\n", version, up,
		     cJSON_IsTrue(json_at(root, "draining", NULL)) ? ", draining" : "", in_flight, parked);
	if (st == STATUS_OK)
		st = service_lines(services, colour, out);
	if (st == STATUS_OK)
		st = upstream_lines(services, out);
	return st == STATUS_OK ? saved_line(json_at(root, "saved", NULL), out) : st;
}
