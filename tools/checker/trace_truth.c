// SPDX-License-Identifier: GPL-2.0
/* Is what the tracer says what happened, and all of it? */
#define _GNU_SOURCE
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "trace_test.h"
#include "trace.skel.h"

#define TIMES	100

/* How the lines of a caller and of a target begin: good until the next four. */
static const char *from_site(const char *prog, const char *function)
{
	static char text[4][64];
	static unsigned int turn;
	char *to = text[turn++ % ARRAY_SIZE(text)];

	snprintf(to, sizeof(text[0]), "caller=%u:%s+", prog_id(prog), function);
	return to;
}

static const char *target(__u32 index, const char *callee)
{
	static char text[4][64];
	static unsigned int turn;
	char *to = text[turn++ % ARRAY_SIZE(text)];

	if (callee)
		snprintf(to, sizeof(text[0]), "map=%u index=%u callee=%u:%s ",
			 map_id("jump"), index, prog_id(callee), callee);
	else
		snprintf(to, sizeof(text[0]), "map=%u index=%u ", map_id("jump"),
			 index);
	return to;
}

static void expect_lines(const char *file, const char *word, int want)
{
	int got = lines_with(content(file), word);

	expect(got == want, "%s has %d lines with '%s', expected %d", file, got,
	       word, want);
}

/* The only line of a file with two words in it. */
static const char *line_with(const char *file, const char *one, const char *two)
{
	static char line[512];
	const char *text = content(file);

	for (; *text; text = strchrnul(text, '\n'), text += !!*text) {
		size_t len = strchrnul(text, '\n') - text;

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		if (strstr(line, one) && strstr(line, two))
			return line;
	}
	expect(false, "%s has no line with '%s' and '%s'", file, one, two);
	return NULL;
}

static void expect_number(const char *line, const char *key, long long want)
{
	expect(number_of(line, key) == want, "expected %s%lld in: %s", key, want,
	       line);
}

static void expect_total(long long want)
{
	long long entries = cpu_sum("entries: "), overrun = cpu_sum("overrun: ");
	long long dropped = cpu_sum("dropped events: ");
	long long gone = cpu_sum("read events: ");

	expect(entries + overrun + dropped + gone == want,
	       "%lld entries + %lld overrun + %lld dropped + %lld read, expected %lld",
	       entries, overrun, dropped, gone, want);
}

static void nothing_while_off(void)
{
	run("entry", TIMES);
	run("misses", TIMES);
	expect_lines("trace", "caller=", 0);
	expect_lines("stats", "caller=", 0);
	expect_total(0);
}

static void one_hit(void)
{
	char want[128];

	must_put("tracing_on", "1");
	expect(run("entry", 1) == CALLEE_RAN, "the tail call was not made");
	must_put("tracing_on", "0");
	run("entry", 1);
	expect_lines("trace", "caller=", 1);
	snprintf(want, sizeof(want), " %s", target(SLOT_PARSE, "parse"));
	expect(strstr(line_with("trace", ": hit ", from_site("entry", "entry")), want),
	       "wrong target in %s", content("trace"));
	expect_lines("trace", " count=1/33", 1);
	expect_total(1);
}

static void each_kind_of_miss(void)
{
	const char *line;

	must_put("tracing_on", "1");
	run("misses", 1);
	run("chain", 1);
	must_put("tracing_on", "0");
	line = line_with("trace", "miss reason=empty ", from_site("misses", "misses"));
	expect(strstr(line, target(SLOT_EMPTY, NULL)), "wrong target in %s", line);
	expect(strstr(line, " count=0/33"), "a miss was counted: %s", line);
	line = line_with("trace", "miss reason=range ", from_site("misses", "misses"));
	expect(strstr(line, target(TRACE_SLOTS + 1, NULL)), "wrong target in %s",
	       line);
	line = line_with("trace", ": hit ", from_site("misses", "misses"));
	expect(strstr(line, " count=1/33"), "a miss was counted: %s", line);
	line = line_with("trace", "miss reason=limit ", from_site("chain", "chain"));
	expect(strstr(line, target(SLOT_CHAIN, NULL)), "wrong target in %s", line);
	expect(strstr(line, " count=33/33"), "not at the limit: %s", line);
	expect_lines("trace", "miss ", 3);
	expect_lines("trace", ": hit ", 1 + LIMIT);
	expect_total(4 + LIMIT);
}

/* That there is nobody to call is the better reason. */
static void an_empty_slot_at_the_limit(void)
{
	const char *line;

	set_slot("jump", SLOT_FREE, "spent");
	must_put("tracing_on", "1");
	run("spent", 1);
	must_put("tracing_on", "0");
	line = line_with("trace", "miss reason=limit ", from_site("spent", "spent"));
	expect(strstr(line, target(SLOT_FREE, NULL)), "wrong target in %s", line);
	line = line_with("trace", "miss reason=empty ", from_site("spent", "spent"));
	expect(strstr(line, target(SLOT_EMPTY, NULL)), "wrong target in %s", line);
	expect(strstr(line, " count=33/33"), "not at the limit: %s", line);
	expect_total(LIMIT + 2);
}

static void an_index_known_at_run_time(void)
{
	must_put("tracing_on", "1");
	skel->bss->where = SLOT_PARSE;
	expect(run("anywhere", 1) == CALLEE_RAN, "the tail call was not made");
	skel->bss->where = SLOT_EMPTY;
	run("anywhere", 1);
	skel->bss->where = TRACE_SLOTS;
	run("anywhere", 1);
	skel->bss->where = 0xffffffff;
	run("anywhere", 1);
	must_put("tracing_on", "0");
	expect_lines("trace", target(SLOT_PARSE, "parse"), 1);
	expect_lines("trace", "reason=empty", 1);
	expect_lines("trace", "reason=range", 2);
	expect_lines("trace", target(0xffffffff, NULL), 1);
}

static void a_subprogram_is_named(void)
{
	must_put("tracing_on", "1");
	run("outer", 1);
	must_put("tracing_on", "0");
	expect_lines("trace", from_site("outer", "inner"), 2);
	expect_lines("trace", " count=1/33", 1);
	expect_lines("trace", " count=2/33", 1);
}

static void slots_that_change(void)
{
	must_put("tracing_on", "1");
	run("entry", 1);
	clear_slot("jump", SLOT_PARSE);
	expect(run("entry", 1) != CALLEE_RAN, "an empty slot was called");
	set_slot("jump", SLOT_PARSE, "drop");
	run("entry", 1);
	must_put("tracing_on", "0");
	expect_lines("trace", target(SLOT_PARSE, "parse"), 1);
	expect_lines("trace", "reason=empty", 1);
	expect_lines("trace", target(SLOT_PARSE, "drop"), 1);
}

static void counts_are_exact(void)
{
	const char *line;

	must_put("tracing_on", "1");
	run("entry", 7 * TIMES);
	run("misses", 3 * TIMES);
	run("outer", TIMES);
	run("chain", 5);
	must_put("tracing_on", "0");

	line = line_with("stats", from_site("entry", "entry"),
			 target(SLOT_PARSE, "parse"));
	expect_number(line, " hit=", 7 * TIMES);
	expect_number(line, " highest=", 1);
	line = line_with("stats", from_site("misses", "misses"),
			 target(SLOT_EMPTY, NULL));
	expect_number(line, " hit=", 0);
	expect_number(line, " empty=", 3 * TIMES);
	expect_number(line, " range=", 0);
	expect_number(line, " highest=", 0);
	line = line_with("stats", from_site("misses", "misses"),
			 target(TRACE_SLOTS + 1, NULL));
	expect_number(line, " range=", 3 * TIMES);
	line = line_with("stats", from_site("misses", "misses"),
			 target(SLOT_PARSE, "parse"));
	expect_number(line, " hit=", 3 * TIMES);
	line = line_with("stats", from_site("outer", "inner"),
			 target(SLOT_PARSE, "parse"));
	expect_number(line, " hit=", 2 * TIMES);
	expect_number(line, " highest=", 2);
	line = line_with("stats", from_site("chain", "chain"),
			 target(SLOT_CHAIN, "chain"));
	expect_number(line, " hit=", 5 * LIMIT);
	expect_number(line, " highest=", LIMIT);
	line = line_with("stats", from_site("chain", "chain"), "callee=- ");
	expect_number(line, " limit=", 5);
	expect_lines("stats", "caller=", 7);
	expect_lines("stats", "# rows=7/256 without_row=0", 1);
	expect_total((7 + 9 + 2) * TIMES + 5 * (LIMIT + 1));
}

static void the_budget(void)
{
	const char *line;

	must_put("tracing_on", "1");
	run("entry", 11);
	run("outer", 7);
	run("chain", 5);
	must_put("tracing_on", "0");
	expect_lines("budget", "tail_calls=", 3);
	expect_number(line_with("budget", "tail_calls=1 ", ""), "runs=", 11);
	expect_number(line_with("budget", "tail_calls=2 ", ""), "runs=", 7);
	expect_number(line_with("budget", "tail_calls=33 ", ""), "runs=", 5);
	line = line_with("budget", "limit ", from_site("chain", "chain"));
	expect_number(line, "times=", 5);
	expect_lines("budget", "limit caller=", 1);
}

static void statistics_alone(void)
{
	must_put("events_on", "0");
	must_put("tracing_on", "1");
	run("entry", TIMES);
	must_put("tracing_on", "0");
	expect_total(0);
	expect_number(line_with("stats", from_site("entry", "entry"), ""), " hit=",
		      TIMES);
}

static void events_alone(void)
{
	must_put("stats_on", "0");
	must_put("tracing_on", "1");
	run("entry", TIMES);
	must_put("tracing_on", "0");
	expect_total(TIMES);
	expect_lines("stats", "caller=", 0);
}

static void what_is_lost_is_counted(void)
{
	must_put("buffer_size_kb", "8");
	must_put("tracing_on", "1");
	run("entry", 5000);
	run("misses", 1000);
	must_put("tracing_on", "0");
	expect(cpu_sum("overrun: ") > 0, "nothing was lost in 8 KiB");
	expect_total(5000 + 3 * 1000);
	/* the newest are there */
	expect(cpu_sum("entries: ") ==
	       lines_with(content("trace"), "caller="), "trace does not show all");
	expect(lines_with(content("trace"), from_site("entry", "entry")) == 0,
	       "older events than the newest");
}

static void rows_that_are_missing_are_counted(void)
{
	__u32 i;
	long long rows;

	must_put("events_on", "0");
	must_put("tracing_on", "1");
	for (i = 0; i < 1000; i++) {
		skel->bss->where = 100 + i;
		run("anywhere", 2);
	}
	must_put("tracing_on", "0");
	rows = sum_of(content("stats"), "caller=", " range=");
	expect(rows > 0 && rows <= 2 * 256, "%lld misses in 256 rows", rows);
	expect(rows + number_of(content("stats"), "without_row=") == 2000,
	       "%lld misses in rows and %lld without, expected 2000", rows,
	       number_of(content("stats"), "without_row="));
}

/* ---- slots and refusals ----------------------------------------------------- */

static void a_slots_history(void)
{
	char want[160];
	__u32 id, zero = 0;
	int map, fd;

	set_slot("jump", SLOT_FREE, "parse");
	set_slot("jump", SLOT_FREE, "drop");
	clear_slot("jump", SLOT_FREE);
	snprintf(want, sizeof(want), "map=%u index=%u old=- new=%u:parse how=update",
		 map_id("jump"), SLOT_FREE, prog_id("parse"));
	expect_lines("slots", want, 1);
	snprintf(want, sizeof(want),
		 "map=%u index=%u old=%u:parse new=%u:drop how=update",
		 map_id("jump"), SLOT_FREE, prog_id("parse"), prog_id("drop"));
	expect_lines("slots", want, 1);
	snprintf(want, sizeof(want), "map=%u index=%u old=%u:drop new=- how=delete",
		 map_id("jump"), SLOT_FREE, prog_id("drop"));
	expect_lines("slots", want, 1);
	expect_lines("slots", "tailcall_trace-", 3);

	/* Without a holder in user space a prog_array is cleared. */
	map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "gone", 4, 4, 1, NULL);
	fd = prog_fd("parse");
	expect(map >= 0 && !bpf_map_update_elem(map, &zero, &fd, BPF_ANY),
	       "cannot fill a map: %s", strerror(errno));
	{
		struct bpf_map_info info = {};
		__u32 size = sizeof(info);

		expect(!bpf_obj_get_info_by_fd(map, &info, &size), "no information");
		id = info.id;
	}
	close(map);
	snprintf(want, sizeof(want), "map=%u index=0 old=%u:parse new=- how=release",
		 id, prog_id("parse"));
	for (map = 0; map < 100 && !lines_with(content("slots"), want); map++)
		usleep(20000);
	expect_lines("slots", want, 1);
}

static void a_history_is_bounded(void)
{
	int i;

	for (i = 0; i < 700; i++) {
		set_slot("jump", SLOT_FREE, "parse");
		clear_slot("jump", SLOT_FREE);
	}
	expect_lines("slots", "how=", 1024);
	expect_lines("slots", "# written=1400 overwritten=376", 1);
}

static void a_refusal_says_why(void)
{
	__u32 slot = SLOT_FREE;
	const char *line;
	char want[64];
	int fd = prog_fd("other");

	expect(bpf_map_update_elem(map_fd("jump"), &slot, &fd, BPF_ANY),
	       "another type of program was taken");
	snprintf(want, sizeof(want), "map=%u prog=%u:other ", map_id("jump"),
		 prog_id("other"));
	line = line_with("refusals", want, "field=");
	expect(strstr(line, "field=prog_type "), "another field: %s", line);
	expect_number(line, "wants=", BPF_PROG_TYPE_XDP);
	expect_number(line, "has=", BPF_PROG_TYPE_SCHED_CLS);
	expect_lines("refusals", "map=", 1);
}

/* ---- form ------------------------------------------------------------------- */

static void expect_form(const char *file, const char *form)
{
	const char *text = content(file);
	int lines = 0;
	regex_t re;

	expect(!regcomp(&re, form, REG_EXTENDED | REG_NOSUB), "bad expression");
	while (*text) {
		char line[512];
		size_t len = strchrnul(text, '\n') - text;
		bool fits;

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		fits = line[0] == '#' || !regexec(&re, line, 0, NULL, 0);
		if (!fits)
			regfree(&re);
		expect(fits, "%s has the line '%s'", file, line);
		lines += line[0] != '#';
		text += len + !!text[len];
	}
	regfree(&re);
	expect(lines, "%s is empty", file);
}

#define HEAD	"^ *[ -~]+-[0-9]+ +\\[[0-9]{3}\\] [.shz] +[0-9]+\\.[0-9]{6}: "
#define PROG	"[0-9]+:[A-Za-z0-9_.]*"
#define SITE	"caller=" PROG "\\+[0-9]+ map=[0-9]+ index=[0-9]+"
#define CALLEE	" callee=(" PROG "|-)"
#define HIT	"hit " SITE " callee=" PROG
#define MISS	"miss reason=(empty|range|limit|stack) " SITE
#define NUMBERS	" hit=[0-9]+ empty=[0-9]+ range=[0-9]+ limit=[0-9]+ stack=[0-9]+"
#define RUNS	"tail_calls=[0-9]+ runs=[0-9]+"
#define WRITE	" old=(" PROG "|-) new=(" PROG "|-) how=(update|delete|release)"
#define VALUES	"[a-z0-9_]+ wants=[0-9]+ has=[0-9]+"
#define CPU_KEYS "entries|overrun|dropped events|of these by the hook|bytes|read events"

static void lines_have_their_form(void)
{
	__u32 slot = SLOT_FREE;
	int fd = prog_fd("other");

	set_slot("jump", SLOT_FREE, "parse");
	clear_slot("jump", SLOT_FREE);
	bpf_map_update_elem(map_fd("jump"), &slot, &fd, BPF_ANY);
	must_put("tracing_on", "1");
	run("misses", 3);
	run("chain", 1);
	must_put("tracing_on", "0");
	expect_form("trace", HEAD "(" HIT "|" MISS ") count=[0-9]+/33$");
	expect_form("stats", "^" SITE CALLEE NUMBERS " highest=[0-9]+/33$");
	expect_form("budget", "^(" RUNS "|limit " SITE CALLEE " times=[0-9]+)$");
	expect_form("slots", HEAD "map=[0-9]+ index=[0-9]+" WRITE "$");
	expect_form("refusals", HEAD "map=[0-9]+ prog=" PROG " field=" VALUES "$");
	expect_form("per_cpu/cpu0/stats", "^(" CPU_KEYS "): [0-9]+$");
}

static void no_addresses(void)
{
	static const char *const files[] = {
		"trace", "stats", "budget", "slots", "refusals",
		"per_cpu/cpu0/stats", "set_prog_id", "set_outcome",
	};
	regex_t re;
	size_t i;

	must_put("tracing_on", "1");
	run("misses", 3);
	run("chain", 2);
	must_put("tracing_on", "0");
	expect(!regcomp(&re, "0x[0-9a-f]{8}|[0-9a-f]{16}", REG_EXTENDED | REG_NOSUB),
	       "bad expression");
	for (i = 0; i < ARRAY_SIZE(files); i++)
		expect(regexec(&re, content(files[i]), 0, NULL, 0),
		       "%s has an address in it", files[i]);
	regfree(&re);
}

static void events_are_in_order(void)
{
	const char *text;
	double last = 0, at;

	must_put("tracing_on", "1");
	run("entry", 1000);
	must_put("tracing_on", "0");
	for (text = content("trace"); *text; text = strchrnul(text, '\n'), text += !!*text) {
		const char *mark = strstr(text, "] . ");

		if (*text == '#' || !mark || mark > strchrnul(text, '\n'))
			continue;
		at = strtod(mark + 4, NULL);
		expect(at >= last, "%f after %f", at, last);
		last = at;
	}
	expect(last > 0, "no time in trace");
}

static void reset_forgets(void)
{
	must_put("tracing_on", "1");
	run("chain", 3);
	must_put("tracing_on", "0");
	must_put("reset", "1");
	expect_total(0);
	expect_lines("trace", "caller=", 0);
	expect_lines("stats", "caller=", 0);
	expect_lines("budget", "tail_calls", 0);
	expect_lines("slots", "map=", 0);
	expect_lines("refusals", "map=", 0);
}

const struct trace_case truth_cases[] = {
	{ "nothing_while_off", nothing_while_off },
	{ "one_hit", one_hit },
	{ "each_kind_of_miss", each_kind_of_miss },
	{ "an_empty_slot_at_the_limit", an_empty_slot_at_the_limit },
	{ "an_index_known_at_run_time", an_index_known_at_run_time },
	{ "a_subprogram_is_named", a_subprogram_is_named },
	{ "slots_that_change", slots_that_change },
	{ "counts_are_exact", counts_are_exact },
	{ "the_budget", the_budget },
	{ "statistics_alone", statistics_alone },
	{ "events_alone", events_alone },
	{ "what_is_lost_is_counted", what_is_lost_is_counted },
	{ "rows_that_are_missing_are_counted", rows_that_are_missing_are_counted },
	{ "a_slots_history", a_slots_history },
	{ "a_history_is_bounded", a_history_is_bounded },
	{ "a_refusal_says_why", a_refusal_says_why },
	{ "lines_have_their_form", lines_have_their_form },
	{ "no_addresses", no_addresses },
	{ "events_are_in_order", events_are_in_order },
	{ "reset_forgets", reset_forgets },
	{}
};
