#include <sigrelay/commands/secrecy.h>

#include <sys/prctl.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

void secrecy_begin(void)
{
#ifndef SANITIZED
	/* An rlimit would be the command's too; this ends with exec. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
