#include <sigrelay/base/status.h>

const char *status_name(enum status s)
{
	switch (s) {
	case STATUS_OK:
		return "ok";
	case STATUS_NO_MEMORY:
		return "no memory";
	case STATUS_INVALID:
		return "invalid";
	case STATUS_TOO_LARGE:
		return "too large";
	case STATUS_NOT_FOUND:
		return "not found";
	case STATUS_IO:
		return "input/output error";
	}
	return "unknown status";
}
