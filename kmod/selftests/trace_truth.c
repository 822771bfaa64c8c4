// SPDX-License-Identifier: GPL-2.0
/* Is what the tracer says what happened, and all of it? */
#define _GNU_SOURCE
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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
		snprintf(to, sizeof(text[0]), "map=%u:jump index=%u callee=%u:%s ",
			 map_id("jump"), index, prog_id(callee), callee);
	else
		snprintf(to, sizeof(text[0]), "map=%u:jump index=%u ", map_id("jump"),
			 index);
	return to;
}

/* Of the statistics, for a slot that is known at run time only. */
static const char *any_slot(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "map=%u:jump index=* callee=* ", map_id("jump"));
	return text;
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
	expect(strstr(line, "callee=- "), "a callee in an empty slot: %s", line);
	expect_number(line, " hit=", 0);
	expect_number(line, " empty=", 3 * TIMES);
	expect_number(line, " range=", 0);
	line = line_with("stats", from_site("misses", "misses"), any_slot());
	expect_number(line, " hit=", 0);
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
	expect_number(line, " limit=", 5);
	expect_number(line, " highest=", LIMIT);
	expect_lines("stats", "caller=", 6);
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
	/* Who writes an event counts first. */
	expect_number(line_with("stats", from_site("entry", "entry"), ""), " hit=",
		      TIMES);
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

/* An index that nobody knows beforehand: each reason is counted. */
static void misses_at_run_time(void)
{
	const char *line;
	__u32 i;

	must_put("events_on", "0");
	must_put("tracing_on", "1");
	for (i = 0; i < 1000; i++) {
		skel->bss->where = 100 + i;
		run("anywhere", 2);
	}
	skel->bss->where = SLOT_EMPTY;
	run("anywhere", 3);
	skel->bss->where = SLOT_PARSE;
	run("anywhere", 5);
	must_put("tracing_on", "0");
	line = line_with("stats", from_site("anywhere", "anywhere"), any_slot());
	expect_number(line, " range=", 2000);
	expect_number(line, " empty=", 3);
	expect_number(line, " hit=", 5);
	expect_number(line, " limit=", 0);
	expect_number(line, " stack=", 0);
}

/* Programs that come and go leave no rows, and take none from those that stay. */
static void rows_die_with_their_program(void)
{
	char packet[64] = "", caller[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = 3);
	__u32 slot = SLOT_PARSE;
	struct trace_bpf *other;
	int i, fd;

	must_put("events_on", "0");
	must_put("tracing_on", "1");
	for (i = 0; i < 60; i++) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		other = trace_bpf__open_and_load();
		expect(other, "cannot load");
		fd = bpf_program__fd(other->progs.parse);
		bpf_map_update_elem(bpf_map__fd(other->maps.jump), &slot, &fd, BPF_ANY);
		bpf_prog_test_run_opts(bpf_program__fd(other->progs.entry), &opts);
		expect(!bpf_obj_get_info_by_fd(bpf_program__fd(other->progs.entry), &info,
					       &len), "no information");
		snprintf(caller, sizeof(caller), "caller=%u:entry+", info.id);
		expect_number(line_with("stats", caller, ""), " hit=", 3);
		trace_bpf__destroy(other);
	}
	run("entry", 7);
	must_put("tracing_on", "0");
	for (i = 0; i < 100 && lines_with(content("stats"), "caller=") > 1; i++)
		usleep(20000);
	expect_lines("stats", "caller=", 1);
	expect_number(line_with("stats", from_site("entry", "entry"), ""), " hit=", 7);
}

/* What tells programs and maps of one name apart, and where it stands. */
static void rows_say_who_and_where(void)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	const char *line;
	char want[64];
	int i, at;

	must_put("tracing_on", "1");
	run("entry", 1);
	run("outer", 1);
	must_put("tracing_on", "0");
	expect(!bpf_obj_get_info_by_fd(prog_fd("entry"), &info, &len), "no information");
	at = snprintf(want, sizeof(want), " tag=");
	for (i = 0; i < BPF_TAG_SIZE; i++)
		at += snprintf(want + at, sizeof(want) - at, "%02x", info.tag[i]);
	line = line_with("stats", from_site("entry", "entry"), "");
	expect(strstr(line, want), "no%s in %s", want, line);
	expect(strstr(line, " source=trace.bpf.c:"), "no source in %s", line);
	line = line_with("stats", from_site("outer", "inner"), "");
	expect(strstr(line, " source=trace.bpf.c:"), "no source in %s", line);
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
	snprintf(want, sizeof(want), "map=%u:jump index=%u old=- new=%u:parse how=update",
		 map_id("jump"), SLOT_FREE, prog_id("parse"));
	expect_lines("slots", want, 1);
	snprintf(want, sizeof(want),
		 "map=%u:jump index=%u old=%u:parse new=%u:drop how=update",
		 map_id("jump"), SLOT_FREE, prog_id("parse"), prog_id("drop"));
	expect_lines("slots", want, 1);
	snprintf(want, sizeof(want), "map=%u:jump index=%u old=%u:drop new=- how=delete",
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
	snprintf(want, sizeof(want), "map=%u:gone index=0 old=%u:parse new=- how=release",
		 id, prog_id("parse"));
	for (map = 0; map < 100 && !lines_with(content("slots"), want); map++)
		usleep(20000);
	expect_lines("slots", want, 1);
	/* A kernel thread has done that, and this is why. */
	snprintf(want, sizeof(want), "map=%u:gone index=* how=let_go", id);
	line_with("slots", want, "tailcall_trace-");
}

static void a_history_is_bounded(void)
{
	int i;

	/* One slot that is written all the time leaves room for others. */
	set_slot("jump", SLOT_EMPTY, "parse");
	clear_slot("jump", SLOT_EMPTY);
	for (i = 0; i < 700; i++) {
		set_slot("jump", SLOT_FREE, "parse");
		clear_slot("jump", SLOT_FREE);
	}
	expect_lines("slots", "how=", 64 + 2);
	expect_lines("slots", "# written=1402 overwritten=1336", 1);
	expect_lines("slots", target(SLOT_EMPTY, NULL), 2);
}

static void a_refusal_says_why(void)
{
	__u32 slot = SLOT_FREE;
	const char *line;
	char want[64];
	int fd = prog_fd("other");

	expect(bpf_map_update_elem(map_fd("jump"), &slot, &fd, BPF_ANY),
	       "another type of program was taken");
	snprintf(want, sizeof(want), "map=%u:jump prog=%u:other ", map_id("jump"),
		 prog_id("other"));
	line = line_with("refusals", want, "field=");
	expect(strstr(line, "field=prog_type "), "another field: %s", line);
	expect(strstr(line, "wants=BPF_PROG_TYPE_XDP has=BPF_PROG_TYPE_SCHED_CLS"),
	       "other values: %s", line);
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
#define MAP	"map=[0-9]+:[A-Za-z0-9_.]*"
#define SITE	"caller=" PROG "\\+[0-9]+ " MAP " index=([0-9]+|\\*)"
#define CALLEE	" callee=(" PROG "|-|\\*)"
#define HIT	"hit " SITE " callee=" PROG
#define MISS	"miss reason=(empty|range|limit|stack) " SITE
#define NUMBERS	" hit=[0-9]+ empty=[0-9]+ range=[0-9]+ limit=[0-9]+ stack=[0-9]+"
/* There is nothing to hash with while the kernel has no random numbers. */
#define HASHED	"([0-9a-f]+|\\(____ptrval____\\))"
#define WHERE	"tag=[0-9a-f]{16}( source=[^ ]+:[0-9]+)?"
#define RUNS	"tail_calls=[0-9]+ runs=[0-9]+"
#define CALLS	"caller=" PROG "( [0-9]+:[0-9]+)+"
#define WRITE	" index=[0-9]+ old=(" PROG "|-) new=(" PROG "|-) how=(update|delete|release)"
#define LET_GO	" index=\\* how=let_go"
#define VALUES	"[a-z0-9_]+ wants=[A-Za-z0-9_]+ has=[A-Za-z0-9_]+"
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
	expect_form("trace", HEAD "(" HIT "|" MISS ") count=[0-9]+/33 ctx=" HASHED "$");
	expect_form("stats", "^" SITE CALLEE NUMBERS " highest=[0-9]+/33 " WHERE "$");
	expect_form("budget", "^(" RUNS "|" CALLS "|limit " SITE CALLEE " times=[0-9]+)$");
	expect_form("slots", HEAD MAP "(" WRITE "|" LET_GO ")$");
	expect_form("refusals", HEAD MAP " prog=" PROG " field=" VALUES "$");
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
	expect(!regcomp(&re, "0x[0-9a-f]{8}|ffff[0-9a-f]{12}", REG_EXTENDED | REG_NOSUB),
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
}

/* Each by itself, and the history of slots is no part of "reset". */
static void greater_than_forgets(void)
{
	set_slot("jump", SLOT_FREE, "parse");
	must_put("tracing_on", "1");
	run("chain", 3);
	must_put("tracing_on", "0");
	must_put("reset", "1");
	expect_lines("slots", "how=update", 1);
	must_put("slots", "\n");
	expect_lines("slots", "map=", 0);
	must_put("tracing_on", "1");
	run("entry", 3);
	must_put("tracing_on", "0");
	expect_total(3);
	must_put("trace", "\n");
	expect_total(0);
	expect_number(line_with("stats", from_site("entry", "entry"), ""), " hit=", 3);
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
	{ "misses_at_run_time", misses_at_run_time },
	{ "rows_die_with_their_program", rows_die_with_their_program },
	{ "rows_say_who_and_where", rows_say_who_and_where },
	{ "a_slots_history", a_slots_history },
	{ "a_history_is_bounded", a_history_is_bounded },
	{ "a_refusal_says_why", a_refusal_says_why },
	{ "lines_have_their_form", lines_have_their_form },
	{ "no_addresses", no_addresses },
	{ "events_are_in_order", events_are_in_order },
	{ "reset_forgets", reset_forgets },
	{ "greater_than_forgets", greater_than_forgets },
	{}
};
