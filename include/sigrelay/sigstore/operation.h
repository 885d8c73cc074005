/* Services, sides and operations: the one table that says what the relay speaks.
 *
 * Enum, metric labels, status keys and routes come from it. */
#ifndef SIGRELAY_SIGSTORE_OPERATION_H
#define SIGRELAY_SIGSTORE_OPERATION_H

#include <sigrelay/policy/gate.h>

enum service { SERVICE_REKOR, SERVICE_FULCIO, SERVICE_TSA, SERVICE_COUNT };

/* symbol, service, label, side */
#define OPERATIONS(X)                                                                                        \
	X(OP_REKOR_CREATE, SERVICE_REKOR, "rekor.create", SIDE_WRITE)                                        \
	X(OP_REKOR_GET, SERVICE_REKOR, "rekor.get", SIDE_READ)                                               \
	X(OP_REKOR_QUERY, SERVICE_REKOR, "rekor.query", SIDE_READ)                                           \
	X(OP_FULCIO_SIGN, SERVICE_FULCIO, "fulcio.sign", SIDE_WRITE)                                         \
	X(OP_FULCIO_QUERY, SERVICE_FULCIO, "fulcio.query", SIDE_READ)                                        \
	X(OP_TSA_TIMESTAMP, SERVICE_TSA, "tsa.timestamp", SIDE_WRITE)                                        \
	X(OP_TSA_QUERY, SERVICE_TSA, "tsa.query", SIDE_READ)

enum operation {
#define X(sym, service, label, side) sym,
	OPERATIONS(X)
#undef X
	    OP_COUNT
};

const char *service_name(enum service s); /* "rekor", "fulcio", "tsa" */
const char *operation_name(enum operation op);
enum service operation_service(enum operation op);
enum side operation_side(enum operation op);

#endif
