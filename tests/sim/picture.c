/* Requests per second at the log over an outage, one panel a way, as SVG. */
#include "report.h"

#include <math.h>
#include <string.h>

#define S USEC_PER_SEC
#define JOBS 1000
#define OUTAGE (2700 * S)
#define BIN 10 /* seconds a bar */

/* Geometry, in px. */
#define WIDTH 860
#define LEFT 74
#define RIGHT 14
#define TOP 64
#define PANEL 104
#define GAP 34
#define BOTTOM 50

/* The y axis is logarithmic: a stampede and a probe a minute in one picture. */
#define Y_MIN (-2) /* 10^ */
#define Y_MAX 2

static const enum mode panels[] = { MODE_NOTHING, MODE_BASH, MODE_BLIND, MODE_RUN, MODE_RUN_SERVE };
#define PANELS (sizeof(panels) / sizeof(panels[0]))
#define HEIGHT (TOP + (int)PANELS * (PANEL + GAP) - GAP + 10 + BOTTOM)

struct axis {
	int from, until; /* seconds since the world began */
};

static double x_of(const struct axis *a, double second)
{
	return LEFT + (second - a->from) / (a->until - a->from) * (WIDTH - LEFT - RIGHT);
}

static double y_of(int top, double rate)
{
	double v = rate > 0 ? log10(rate) : Y_MIN;
	v = fmin(fmax(v, Y_MIN), Y_MAX);
	return top + PANEL - (v - Y_MIN) / (Y_MAX - Y_MIN) * PANEL;
}

static void head(FILE *f)
{
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
		"role=\"img\">\n"
		"<title>Requests per second at the log during an outage of 45 minutes, %d clients</title>\n"
		"<style>\n"
		"text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#24292f}\n"
		".h{font-size:15px;font-weight:600}.p{font-weight:600}.s{fill:#57606a}\n"
		".bg{fill:#ffffff}.out{fill:#cf222e;opacity:.10}.grid{stroke:#d0d7de;stroke-width:1}\n"
		".axis{stroke:#57606a;stroke-width:1}.bar{fill:#0969da}.out-key{fill:#cf222e;opacity:.25}\n"
		"@media (prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9da7b3}.bg{fill:#0d1117}"
		".out{fill:#ff7b72;opacity:.16}.grid{stroke:#30363d}.axis{stroke:#8b949e}.bar{fill:#58a6ff}"
		".out-key{fill:#ff7b72;opacity:.4}}\n"
		"</style>\n<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, JOBS, WIDTH, HEIGHT);
	fprintf(
	    f,
	    "<text class=\"h\" x=\"%d\" y=\"24\">Requests per second at the log, %d clients, 45 minutes of "
	    "502</text>\n"
	    "<rect class=\"bar\" x=\"%d\" y=\"36\" width=\"12\" height=\"12\"/>"
	    "<text x=\"%d\" y=\"46\">requests per second (mean of %d s, logarithmic)</text>\n"
	    "<rect class=\"out-key\" x=\"%d\" y=\"36\" width=\"12\" height=\"12\"/>"
	    "<text x=\"%d\" y=\"46\">the log is down</text>\n",
	    LEFT, JOBS, LEFT, LEFT + 18, BIN, LEFT + 340, LEFT + 358);
}

static void grid(FILE *f, int top)
{
	static const char *const names[] = { "0.01", "0.1", "1", "10", "100" };
	for (int e = Y_MIN; e <= Y_MAX; e++) {
		double y = y_of(top, pow(10, e));
		fprintf(f,
			"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"s\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4, names[e - Y_MIN]);
	}
}

static void bars(FILE *f, int top, const struct axis *a, const struct tally *t)
{
	for (int from = a->from; from < a->until; from += BIN) {
		unsigned sum = 0;
		for (int i = from; i < from + BIN && i < SECONDS_MAX; i++)
			sum += t->per_second[i];
		if (sum == 0)
			continue;
		double x = x_of(a, from), y = y_of(top, (double)sum / BIN);
		/* One request in a bar is 0.1/s: never below the axis. */
		fprintf(f, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", x,
			y, fmax(1.2, x_of(a, from + BIN) - x - 0.3), top + PANEL - y);
	}
}

static void panel(FILE *f, int top, const struct axis *a, enum mode m, const struct outcome_of_run *o)
{
	double down = x_of(a, 10), up = x_of(a, 10 + (double)OUTAGE / S);
	grid(f, top);
	fprintf(f, "<rect class=\"out\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n", down, top,
		up - down, PANEL);
	bars(f, top, a, &o->tally);
	fprintf(
	    f,
	    "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n"
	    "<text class=\"p\" x=\"%d\" y=\"%d\">%s</text>"
	    "<text class=\"s\" x=\"%d\" y=\"%d\">%u of %u signed, %llu requests while the log was down, %llu "
	    "certificates</text>\n",
	    LEFT, WIDTH - RIGHT, top + PANEL, top + PANEL, LEFT, top - 7, mode_word(m), LEFT + 110, top - 7,
	    o->signed_jobs, o->jobs, (unsigned long long)o->tally.in_outage,
	    (unsigned long long)o->tally.certificates);
}

static void time_axis(FILE *f, const struct axis *a)
{
	int y = HEIGHT - BOTTOM;
	for (int minute = 0; minute * 60 + 10 <= a->until; minute += 5) {
		double x = x_of(a, minute * 60 + 10);
		fprintf(f,
			"<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
			"<text class=\"s\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n",
			x, x, y, y + 5, x, y + 20, minute);
	}
	fprintf(f,
		"<text class=\"s\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">minutes from the log's going "
		"down</text>\n",
		(LEFT + WIDTH - RIGHT) / 2, y + 40);
	fprintf(
	    f,
	    "<text class=\"s\" transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">requests "
	    "per second</text>\n",
	    (TOP + y) / 2);
}

bool report_picture(const char *file, uint64_t seed)
{
	static struct outcome_of_run o;
	struct axis a = { 0, 10 + (int)(OUTAGE / S) + 600 };
	bool good = true;
	FILE *f = fopen(file, "w");
	if (!f) {
		fprintf(stderr, "sim: cannot write '%s': give a path in a directory that exists\n", file);
		return false;
	}
	head(f);
	for (unsigned i = 0; i < PANELS; i++) {
		struct plan p;
		report_plan(&p, panels[i], JOBS, OUTAGE, seed);
		world_run(&p, &o);
		good = good && o.found.count == 0;
		panel(f, TOP + (int)i * (PANEL + GAP) + 10, &a, panels[i], &o);
	}
	time_axis(f, &a);
	fputs("</svg>\n", f);
	return fclose(f) == 0 && good;
}
