#include "report.h"
bool report_picture(const char *file, uint64_t seed)
{
	(void)file;
	(void)seed;
	return false;
}
