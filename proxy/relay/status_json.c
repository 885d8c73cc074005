#include <sigrelay/relay/admin.h>

#include <cjson/cJSON.h>

#include <sigrelay/base/json.h>
#include <sigrelay/base/mem.h>
#include <sigrelay/relay/fleet.h>
#include <sigrelay/relay/flights.h>

static double seconds(usec t)
{
	return (double)t / (double)USEC_PER_SEC;
}

static bool add_side(cJSON *service, const struct relay *r, enum service s, enum side side)
{
	const struct upstream *up = &r->upstream[s];
	const struct breaker *b = &up->gate.breaker[side];
	cJSON *o = cJSON_AddObjectToObject(service, side_name(side));
	if (!o || !cJSON_AddStringToObject(o, "state", breaker_state_name(b->state)) ||
	    !cJSON_AddNumberToObject(o, "since_seconds", seconds(r->now.mono - b->since)))
		return false;
	cJSON *error =
	    up->last_error[side][0] ? cJSON_CreateString(up->last_error[side]) : cJSON_CreateNull();
	if (!error || !cJSON_AddItemToObject(o, "last_error", error)) {
		cJSON_Delete(error);
		return false;
	}
	cJSON *probe = b->state == BREAKER_OPEN
			   ? cJSON_CreateNumber(seconds(usec_max(0, b->next_probe - r->now.mono)))
			   : cJSON_CreateNull();
	if (!probe || !cJSON_AddItemToObject(o, "next_probe_seconds", probe)) {
		cJSON_Delete(probe);
		return false;
	}
	return true;
}

static bool add_services(cJSON *root, const struct relay *r, const struct settings *s)
{
	const char *urls[SERVICE_COUNT] = { s->rekor_url, s->fulcio_url, s->tsa_url };
	cJSON *services = cJSON_AddObjectToObject(root, "services");
	for (enum service i = 0; services && i < SERVICE_COUNT; i++) {
		cJSON *o = cJSON_AddObjectToObject(services, service_name(i));
		if (!o || !cJSON_AddStringToObject(o, "upstream", urls[i]) || !add_side(o, r, i, SIDE_READ) ||
		    !add_side(o, r, i, SIDE_WRITE))
			return false;
	}
	return services != NULL;
}

static bool add_saved(cJSON *root, const struct relay *r)
{
	cJSON *o = cJSON_AddObjectToObject(root, "saved");
	for (enum saved how = 0; o && how < SAVED_COUNT; how++) {
		if (!cJSON_AddNumberToObject(o, saved_name(how),
					     (double)metric_value(r->telemetry.saved[how])))
			return false;
	}
	return o != NULL;
}

static bool add_fleet(cJSON *root, const struct relay *r)
{
	struct fleet_status s = fleet_status(r->fleet);
	cJSON *o = cJSON_AddObjectToObject(root, "fleet");
	return o &&
	       cJSON_AddStringToObject(o, "redis",
				       !r->fleet ? "off"
				       : s.up    ? "up"
						 : "down") &&
	       cJSON_AddNumberToObject(o, "relays", s.relays);
}

enum status status_json(const struct relay *r, const struct settings *s, usec started, struct buf *out)
{
	cJSON *root = cJSON_CreateObject();
	bool whole = root && cJSON_AddStringToObject(root, "version", SIGRELAY_VERSION) &&
		     cJSON_AddNumberToObject(root, "uptime_seconds", seconds(r->now.mono - started)) &&
		     cJSON_AddBoolToObject(root, "draining", r->draining) &&
		     cJSON_AddNumberToObject(root, "in_flight", (double)r->exchanges) &&
		     cJSON_AddNumberToObject(root, "parked", (double)flights_parked(r)) &&
		     add_services(root, r, s) && add_saved(root, r) && add_fleet(root, r);
	enum status st = json_line(whole ? root : NULL, out);
	cJSON_Delete(root);
	return st;
}

void telemetry_refresh(struct relay *r)
{
	struct telemetry *t = &r->telemetry;
	/* The exposition's numbers for breaker states; the enum has its own order. */
	static const int shown[] = { [BREAKER_CLOSED] = 0, [BREAKER_HALF_OPEN] = 1, [BREAKER_OPEN] = 2 };
	metric_set(t->parked, (int64_t)flights_parked(r));
	metric_set(t->held_bytes, (int64_t)r->held_bytes);
	metric_set(t->in_flight, (int64_t)r->exchanges);
	metric_set(t->remembered, (int64_t)r->memory.entries);
	for (enum service s = 0; s < SERVICE_COUNT; s++) {
		for (enum side side = 0; side < SIDE_COUNT; side++) {
			const struct breaker *b = &r->upstream[s].gate.breaker[side];
			metric_set(t->breaker_state[s][side], shown[b->state]);
			metric_set(t->concurrency_limit[s][side], (int64_t)b->limit.window);
			metric_set_time(t->outage_seconds[s][side], breaker_outage(b, r->now.mono));
		}
	}
}
