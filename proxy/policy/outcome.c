#include <sigrelay/policy/outcome.h>

static const struct {
	const char *label;
	bool retry;
	enum outcome_weight weight;
} table[OUTCOME_COUNT] = {
#define X(sym, text, may_retry, counts_as) [sym] = { (text), (may_retry), (counts_as) },
	OUTCOMES(X)
#undef X
};

const char *outcome_label(enum outcome o)
{
	return table[o].label;
}

bool outcome_may_retry(enum outcome o)
{
	return table[o].retry;
}

enum outcome_weight outcome_weight(enum outcome o)
{
	return table[o].weight;
}

static enum outcome of_status(int status, bool big)
{
	switch (status) {
	case 404:
		return OUTCOME_ABSENT;
	case 409:
		return OUTCOME_CONFLICT;
	case 429:
		return OUTCOME_THROTTLED;
	case 502:
		return big ? OUTCOME_TOO_BIG : OUTCOME_SERVER_ERROR;
	case 500:
	case 503:
	case 504:
		return OUTCOME_SERVER_ERROR;
	default:
		break;
	}
	if (status >= 200 && status < 300)
		return OUTCOME_GOOD;
	return status >= 400 && status < 500 ? OUTCOME_REFUSED : OUTCOME_OTHER;
}

enum outcome outcome_of(enum transport t, int status, unsigned long long sent_bytes)
{
	bool big = sent_bytes > OUTCOME_BIG_BODY;
	switch (t) {
	case TRANSPORT_CONNECT:
		return OUTCOME_CONNECT;
	case TRANSPORT_TIMEOUT:
		return OUTCOME_TIMEOUT;
	case TRANSPORT_RESET:
		return big ? OUTCOME_TOO_BIG : OUTCOME_RESET;
	case TRANSPORT_TRUNCATED:
		return OUTCOME_TRUNCATED;
	case TRANSPORT_ABORTED:
		return OUTCOME_CANCELLED;
	case TRANSPORT_DONE:
		break;
	}
	return of_status(status, big);
}
