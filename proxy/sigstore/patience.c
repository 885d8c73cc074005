/* How long clients wait. A client is known by the first product of its
 * User-Agent (RFC 9110 10.1.5). */
#include <sigrelay/sigstore/patience.h>

#include <string.h>

#define S USEC_PER_SEC
#define NONE USEC_NEVER

struct row {
	const char *product;
	enum operation first, last; /* the operations it speaks of */
	usec limit;
	bool honours_retry_after, comes_back;
};

#define REKOR OP_REKOR_CREATE, OP_REKOR_QUERY
#define FULCIO OP_FULCIO_SIGN, OP_FULCIO_QUERY
#define TSA OP_TSA_TIMESTAMP, OP_TSA_QUERY
#define ALL OP_REKOR_CREATE, OP_TSA_QUERY

static const struct row rows[] = {
	/* cosign 2: rekor pkg/client/rekor_client.go (go-retryablehttp, 3 retries,
	 * Retry-After on 429 and 503), no time-out of its own for a request; fulcio
	 * pkg/api/client.go without time-out or retry; the TSA client sets no
	 * User-Agent (cosign internal/pkg/cosign/tsa/client/client.go: 10 s). The
	 * command's own three minutes (COSIGN_TIMEOUT) are no limit of one answer. */
	{ "cosign", REKOR, NONE, true, true },
	{ "cosign", FULCIO, NONE, false, false },
	{ "cosign", TSA, 10 * S, false, false },
	/* What cosign 2 asks a TSA with; other Go programs are told no shorter. */
	{ "Go-http-client", TSA, 10 * S, false, false },
	/* cosign 3 through sigstore-go: cosign pkg/cosign/bundle/sign.go (90 s over
	 * both attempts at Rekor, 30 s an attempt at Fulcio and TSA, one retry);
	 * sigstore-go pkg/sign/certificate.go and timestamping.go retry 429 and 5xx
	 * and read no Retry-After. A lookup has go-openapi's default of 30 s. */
	{ "sigstore-go", OP_REKOR_CREATE, OP_REKOR_CREATE, 90 * S, true, true },
	{ "sigstore-go", OP_REKOR_GET, OP_REKOR_QUERY, 30 * S, true, true },
	{ "sigstore-go", FULCIO, 30 * S, false, true },
	{ "sigstore-go", TSA, 30 * S, false, true },
	/* sigstore-js packages/sign/src/config.ts (DEFAULT_TIMEOUT, DEFAULT_RETRY),
	 * external/fetch.ts (429, 408, 5xx and network errors; no Retry-After; the
	 * limit is not extended by early bytes: measured). npm publish (300 s) and
	 * actions/attest (10 s) say the same User-Agent, so the shortest counts. */
	{ "sigstore-js", ALL, 5 * S, false, true },
	/* sigstore-python sigstore/_internal/timestamp.py (CLIENT_TIMEOUT);
	 * rekor/client.py and fulcio/client.py set none. */
	{ "sigstore-python", REKOR, NONE, false, false },
	{ "sigstore-python", FULCIO, NONE, false, false },
	{ "sigstore-python", TSA, 5 * S, false, false },
	/* sigstore-java http/HttpParams.java (DEFAULT_TIMEOUT), HttpClients.java
	 * (google-http-client's retries, which heed Retry-After). */
	{ "sigstoreJavaClient", ALL, 60 * S, true, true },
	/* gitsign internal/rekor/client.go over rekor pkg/client, with go-openapi's
	 * default of 30 s for all attempts; pkg/fulcio/fulcio.go as cosign's. */
	{ "gitsign", REKOR, 30 * S, true, true },
	{ "gitsign", FULCIO, NONE, false, false },
};

static struct slice product(struct slice user_agent)
{
	struct slice name = { user_agent.p, 0 };
	while (name.n < user_agent.n && user_agent.p[name.n] != '/' && user_agent.p[name.n] != ' ')
		name.n++;
	return name;
}

/* A tenth, so that the answer is made, sent and read in time, and not more than
 * two seconds: a long wait's last tenth may be the one that saves it. */
static usec less_margin(usec limit)
{
	return limit == USEC_NEVER ? limit : limit - usec_min(limit / 10, 2 * S);
}

struct patience patience_of(struct slice user_agent, enum operation op)
{
	struct slice name = product(slice_trim(user_agent));
	struct patience p = { .client = "unknown", .wait = USEC_NEVER };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		if (!slice_eq_icase(name, r->product))
			continue;
		p.client = r->product;
		if (op < r->first || op > r->last)
			continue;
		p.wait = less_margin(r->limit);
		p.honours_retry_after = r->honours_retry_after;
		p.comes_back = r->comes_back;
		break;
	}
	return p;
}

struct patience patience_of_relay(struct patience client, usec wait)
{
	client.wait = usec_min(client.wait, less_margin(wait));
	client.honours_retry_after = true;
	client.comes_back = true;
	return client;
}
