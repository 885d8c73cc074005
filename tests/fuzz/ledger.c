#include <sigrelay/registry/ledger_read.h>

#include "fuzz.h"

/* The first line is the run, the rest the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = INPUT, first = first_line(&text);
	struct ledger_list l = { 0 };
	char *run = mem_strndup(first.n ? first.p : "", first.n);
	HOLDS(run);
	HOLDS(ledger_parse(text, run, &l) == STATUS_OK);
	for (size_t i = 0; i < l.n; i++)
		HOLDS(ledger_event_name(l.v[i].event));
	HOLDS(!l.torn || text.p[text.n - 1] != '\n');
	ledger_list_release(&l);
	mem_free(run);
	return 0;
}
