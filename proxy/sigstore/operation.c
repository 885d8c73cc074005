#include <sigrelay/sigstore/operation.h>

static const char *const service_names[SERVICE_COUNT] = {
	[SERVICE_REKOR] = "rekor",
	[SERVICE_FULCIO] = "fulcio",
	[SERVICE_TSA] = "tsa",
};

static const struct {
	enum service service;
	const char *name;
	enum side side;
} operations[OP_COUNT] = {
#define X(sym, service, label, side) [sym] = { service, label, side },
	OPERATIONS(X)
#undef X
};

const char *service_name(enum service s)
{
	return service_names[s];
}

const char *operation_name(enum operation op)
{
	return operations[op].name;
}

enum service operation_service(enum operation op)
{
	return operations[op].service;
}

enum side operation_side(enum operation op)
{
	return operations[op].side;
}
