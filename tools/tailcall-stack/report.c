// SPDX-License-Identifier: GPL-2.0
/*
 * Adds frames up along call chains, as check_max_stack_depth() does in each
 * kernel line, and looks for callbacks on the way to a tail call. Tells what is
 * refused, why, and what to do about it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tailcall-stack.h"

#define MAX_STACK 512		/* a whole chain: no more than this */
#define MAX_TAIL_CALLS 33	/* in a run */
#define MAX_DEPTH 64
/* An object with more paths than this is not for people anyway. */
#define MAX_PATHS 1000000

/*
 * How much a frame counts for, how much may lie under a tail call, and which tail
 * calls that a helper's callback gets to are refused. A kernel line with another
 * rule is another line here: all reports follow.
 */
static const struct rule {
	const char *kernels;
	enum { NONE, ITS_OWN, ALL, BY_INSN } from_callback;
	unsigned int granule;	/* rounded up to a multiple of it */
	unsigned int least;
	unsigned int added;	/* by the JIT, to each frame */
	unsigned int limit;	/* callers have less than this */
	bool whole;		/* and whole chains no more than MAX_STACK */
	unsigned int budget;	/* refuses nothing, but a run may use only so much */
} rules[] = {
	/* The interpreter's; with the JIT, too. */
	{ "5.10, 6.1", NONE, 32, 32, 0, 256, true, 0 },
	/* With the JIT, without which a subprogram makes no tail calls. */
	{ "6.12", NONE, 16, 0, 0, 256, true, 0 },
	{ "7.2", ITS_OWN, 16, 0, 0, 256, true, 0 },
	{ "7.3", BY_INSN, 16, 0, 0, 256, true, 0 },
	/*
	 * The rule of the line holds on; of the stack the series refuses nothing
	 * more. It measures the stack at run time, and a run that has used its
	 * part makes no more tail calls in subprograms.
	 * 64: the return address, rbp, four callee-saved registers, two slots
	 * for the counter.
	 */
	{ "with series", ALL, 8, 0, 64, UINT_MAX, false, 10240 },
};

#define NR_RULES ((int)ARRAY_SIZE(rules))

/* What a verifier says to a chain, from the best to the worst. */
enum verdict {
	ACCEPTED,
	DEPENDS,		/* on the paths that it takes, which are not known here */
	REFUSED,
};

struct chain {
	struct func *func[MAX_DEPTH];
	size_t at[MAX_DEPTH];	/* the insn of the one before that leads to it */
	int nr;
};

/*
 * The worst chain from a program to a function, for each rule: the one that is
 * refused, and of several the deepest. Where the last one has a tail call, chains
 * with a callback are a way of their own.
 */
struct way {
	struct chain deepest[NR_RULES];
	unsigned int refused[NR_RULES];	/* how many chains there are */
};

struct ways {
	struct way *way;
	size_t nr;
	unsigned long paths;
};

/* Something that brings a chain below the limit, or nearer to it. */
struct remedy {
	const struct func *func;
	const struct range *range;	/* NULL: inline the function */
	unsigned int callers;		/* what is left then */
	bool enough;
};

/* A frame of func, if it had so much stack. */
static unsigned int frame(const struct rule *rule, const struct func *func,
			  unsigned int stack)
{
	unsigned int size = (stack + rule->granule - 1) / rule->granule * rule->granule;

	if (size < rule->least)
		size = rule->least;
	/* The JIT's part, and what an inlined bpf_loop() keeps in the frame. */
	if (rule->added)
		size += rule->added + (func->loops ? 3 * 8 : 0);
	return size;
}

static unsigned int callers(const struct rule *rule, const struct chain *chain)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < chain->nr - 1; i++)
		sum += frame(rule, chain->func[i], chain->func[i]->stack);
	return sum;
}

static const struct func *last(const struct chain *chain)
{
	return chain->func[chain->nr - 1];
}

static unsigned int total(const struct rule *rule, const struct chain *chain)
{
	return callers(rule, chain) + frame(rule, last(chain), last(chain)->stack);
}

/* The program that the kernel entered has no caller, so no limit either. */
static bool has_limit(const struct chain *chain)
{
	return chain->nr > 1 && last(chain)->tail_call;
}

static bool too_deep(const struct rule *rule, const struct chain *chain)
{
	if (has_limit(chain) && callers(rule, chain) >= rule->limit)
		return true;
	return rule->whole && total(rule, chain) > MAX_STACK;
}

/* Is it a helper that calls this function of the chain? It gets the address. */
static bool called_back(const struct chain *chain, int i)
{
	return i && chain->func[i - 1]->insns[chain->at[i]].code ==
		    (BPF_LD | BPF_IMM | BPF_DW);
}

static bool has_callback(const struct chain *chain)
{
	int i;

	for (i = 1; i < chain->nr; i++)
		if (called_back(chain, i))
			return true;
	return false;
}

static bool always_tail_calls(struct func *func)
{
	size_t i;

	for (i = 0; i < func->nr_insns; i++)
		if (is_tail_call(&func->insns[i]) && on_all_paths(func, i))
			return true;
	return false;
}

/* Do both insns lead to one function, by the same means? */
static bool same_call(const struct func *func, size_t a, size_t b)
{
	return func->targets[a].func == func->targets[b].func &&
	       func->insns[a].code == func->insns[b].code;
}

/* A helper gets this address: it is an argument, and no branch is between. */
static bool goes_to_helper(const struct func *func, size_t idx)
{
	if (func->insns[idx].dst_reg < BPF_REG_1 || func->insns[idx].dst_reg > BPF_REG_5)
		return false;
	for (idx += 2; idx < func->nr_insns; idx++) {
		const struct bpf_insn *insn = &func->insns[idx];
		unsigned char class = BPF_CLASS(insn->code);

		if (class == BPF_JMP || class == BPF_JMP32)
			return insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg;
	}
	return false;
}

/* Does each path of the one before come to this function of the chain? */
static bool always_comes(const struct chain *chain, int i)
{
	struct func *func = chain->func[i - 1];
	size_t idx;

	for (idx = chain->at[i]; idx < func->nr_insns; idx++)
		if (same_call(func, chain->at[i], idx) && on_all_paths(func, idx) &&
		    (!called_back(chain, i) || goes_to_helper(func, idx)))
			return true;
	return false;
}

/* Whatever path the verifier takes, it comes this way to a tail call. */
static bool is_certain(const struct chain *chain)
{
	int i;

	for (i = 1; i < chain->nr; i++)
		if (!always_comes(chain, i))
			return false;
	return always_tail_calls(chain->func[chain->nr - 1]);
}

/*
 * A tail call that a callback gets to is refused, if any path gets there. Paths
 * end at what the verifier knows of values, as of arguments and of constants in
 * .rodata, and here nobody does.
 */
static enum verdict from_callback(const struct rule *rule,
				  const struct chain *chain)
{
	if (rule->from_callback == NONE || !last(chain)->tail_call ||
	    !has_callback(chain))
		return ACCEPTED;
	if (rule->from_callback == ITS_OWN && !called_back(chain, chain->nr - 1))
		return ACCEPTED;
	if (rule->from_callback == BY_INSN)
		return REFUSED;
	return is_certain(chain) ? REFUSED : DEPENDS;
}

static bool too_deep_for_all(const struct chain *chain)
{
	int r;

	for (r = 0; r < NR_RULES; r++)
		if (!rules[r].budget && !too_deep(&rules[r], chain))
			return false;
	return true;
}

static enum verdict verdict(const struct rule *rule, const struct chain *chain)
{
	/* A series has the rule of its line, too. */
	if (rule->budget ? too_deep_for_all(chain) : too_deep(rule, chain))
		return REFUSED;
	return from_callback(rule, chain);
}

/*
 * How many tail calls a run makes that goes this way over and over, if all frames
 * save all registers and nobody traces them. The counter has two words above it.
 */
static unsigned int tail_calls(const struct rule *rule, const struct chain *chain)
{
	unsigned int level = callers(rule, chain);
	unsigned int rest = rule->budget + 3 * 8 -
			    frame(rule, last(chain), last(chain)->stack);

	return level && rest / level < MAX_TAIL_CALLS ? rest / level :
							MAX_TAIL_CALLS;
}

static bool same_chain(const struct chain *a, const struct chain *b)
{
	int i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (a->func[i] != b->func[i] ||
		    called_back(a, i) != called_back(b, i))
			return false;
	return true;
}

static bool is_worse(const struct rule *rule, const struct chain *chain,
		     const struct chain *than)
{
	enum verdict this = verdict(rule, chain), that = verdict(rule, than);

	if (this != that)
		return this > that;
	return callers(rule, chain) > callers(rule, than);
}

/* Both are chains from one program to one function. */
static bool same_way(const struct chain *a, const struct chain *b)
{
	if (a->func[0] != b->func[0] || last(a) != last(b))
		return false;
	return !last(a)->tail_call || has_callback(a) == has_callback(b);
}

static void add_chain(struct ways *ways, const struct chain *chain)
{
	struct way *way = NULL;
	size_t i;
	int r;

	for (i = 0; i < ways->nr; i++) {
		if (same_way(&ways->way[i].deepest[0], chain))
			way = &ways->way[i];
	}
	if (!way) {
		ways->way = grow(ways->way, ways->nr, sizeof(*way));
		way = &ways->way[ways->nr++];
		memset(way, 0, sizeof(*way));
	}
	for (r = 0; r < NR_RULES; r++) {
		way->refused[r] += verdict(&rules[r], chain) == REFUSED;
		if (!way->deepest[r].nr ||
		    is_worse(&rules[r], chain, &way->deepest[r]))
			way->deepest[r] = *chain;
	}
}

static void walk(struct ways *ways, struct chain *chain)
{
	struct func *func = chain->func[chain->nr - 1];
	size_t i, j;

	if (++ways->paths > MAX_PATHS)
		die("more than %d call chains: name a smaller object", MAX_PATHS);
	add_chain(ways, chain);
	if (chain->nr == MAX_DEPTH)
		return;
	for (i = 0; i < func->nr_insns; i++) {
		if (!func->targets[i].func)
			continue;
		for (j = 0; j < i; j++)
			if (same_call(func, i, j))
				break;
		if (j < i)
			continue;
		chain->at[chain->nr] = i;
		chain->func[chain->nr++] = func->targets[i].func;
		walk(ways, chain);
		chain->nr--;
	}
}

static bool on_chain(const struct chain *chain, const struct func *func)
{
	int i;

	for (i = 0; i < chain->nr; i++)
		if (chain->func[i] == func)
			return true;
	return false;
}

static void find_ways(const struct object *obj, struct ways *ways)
{
	size_t i;

	for (i = 0; i < obj->nr_funcs; i++) {
		struct chain chain = { .func = { &obj->funcs[i] }, .nr = 1 };

		if (obj->funcs[i].program)
			walk(ways, &chain);
	}
}

/* A way is told if it ends in a tail call, is refused, or its program's deepest. */
static bool is_told(const struct ways *ways, const struct way *way,
		    const struct func *only)
{
	const struct chain *chain = &way->deepest[0];
	size_t i;
	int r;

	if (only && !on_chain(chain, only))
		return false;
	if (last(chain)->tail_call)
		return true;
	for (r = 0; r < NR_RULES; r++)
		if (way->refused[r])
			return true;
	for (i = 0; i < ways->nr; i++) {
		const struct chain *other = &ways->way[i].deepest[0];

		if (other->func[0] == chain->func[0] && other != chain &&
		    (total(&rules[0], other) > total(&rules[0], chain) ||
		     (total(&rules[0], other) == total(&rules[0], chain) &&
		      other->nr > chain->nr)))
			return false;
	}
	return true;
}

/* Format strings cost nothing to move; of variables, the smaller is cheaper. */
static bool cheaper(const struct remedy *a, const struct remedy *b)
{
	if (a->enough != b->enough)
		return a->enough;
	if (a->range && b->range && a->range->format != b->range->format)
		return a->range->format;
	if (!a->range != !b->range)
		return a->range ? a->range->format : !b->range->format;
	if (!a->range || !a->enough)
		return a->callers < b->callers;
	return a->range->size < b->range->size;
}

static int by_price(const void *a, const void *b)
{
	if (cheaper(a, b))
		return -1;
	return cheaper(b, a) ? 1 : 0;
}

/* All that makes the frames in front of the tail call smaller, cheapest first. */
static size_t remedies(const struct rule *rule, const struct chain *chain,
		       struct remedy **list)
{
	unsigned int now = callers(rule, chain);
	struct remedy *all = NULL;
	size_t i, nr = 0;
	int f;

	for (f = 0; f < chain->nr - 1; f++) {
		const struct func *func = chain->func[f];

		for (i = 0; i < func->nr_ranges; i++) {
			const struct range *range = &func->ranges[i];
			unsigned int rest;

			if (range->within || !range->frees ||
			    range->frees > func->stack)
				continue;
			rest = now - frame(rule, func, func->stack) +
			       frame(rule, func, func->stack - range->frees);
			if (rest == now)
				continue;
			all = grow(all, nr, sizeof(*all));
			all[nr++] = (struct remedy){ func, range, rest,
						     rest < rule->limit };
		}
		if (f) {
			const struct func *caller = chain->func[f - 1];
			unsigned int rest;

			/* At worst its variables lie beside its caller's. */
			rest = now - frame(rule, func, func->stack) -
			       frame(rule, caller, caller->stack) +
			       frame(rule, caller, func->stack + caller->stack);
			if (rest < rule->limit) {
				all = grow(all, nr, sizeof(*all));
				all[nr++] = (struct remedy){ func, NULL, rest, true };
			}
		}
	}
	if (nr)
		qsort(all, nr, sizeof(*all), by_price);
	*list = all;
	return nr;
}

/* Paths below the current folder are shown without it. */
static const char *short_path(const char *path)
{
	static char cwd[4096];
	size_t len;

	if (!cwd[0] && !getcwd(cwd, sizeof(cwd)))
		return path;
	len = strlen(cwd);
	if (!strncmp(path, cwd, len) && path[len] == '/')
		path += len + 1;
	if (!strncmp(path, "./", 2))
		path += 2;
	return path;
}

static void print_place(const struct line *line)
{
	if (line->nr)
		printf("%s:%u", short_path(line->file), line->nr);
	else
		printf("(line not known)");
}

static void print_what(const struct range *range)
{
	if (range->line->nr)
		printf("  %.60s%s", range->line->text,
		       strlen(range->line->text) > 60 ? "..." : "");
	if (range->role)
		printf("  [%s]", range->role);
	if (range->via)
		printf("  [in %s()]", range->via->name);
}

static void print_func(const struct func *func)
{
	size_t i;

	printf("%7u  %s()  %s", func->stack, func->name, func->section);
	if (func->tail_call) {
		printf(", tail call ");
		print_place(func->tail_call);
	}
	putchar('\n');
	for (i = 0; i < func->nr_ranges; i++) {
		const struct range *range = &func->ranges[i];

		if (range->within)
			continue;
		printf("         %7u  fp%+d..fp%+d  ", range->size, range->off,
		       range->off + (int)range->size - 1);
		print_place(range->line);
		print_what(range);
		putchar('\n');
	}
}

static void print_remedy(const struct remedy *remedy)
{
	const struct range *range = remedy->range;

	printf("  %5u  ", remedy->callers);
	if (!range) {
		printf("make %s() __always_inline\n", remedy->func->name);
		return;
	}
	printf("move %u bytes of %s() off the stack, ", range->size,
	       remedy->func->name);
	print_place(range->line);
	putchar('\n');
	printf("        ");
	print_what(range);
	putchar('\n');
	if (range->format)
		printf("          A format string: make it static const. bpf_printk() does so\n"
		       "          if BPF_NO_GLOBAL_DATA is not defined.\n");
	else
		printf("          A BPF_MAP_TYPE_PERCPU_ARRAY of one element holds it.\n");
}

static void print_advice(const struct chain *chain, int r)
{
	const struct rule *rule = &rules[r];
	struct remedy *list;
	size_t i, nr = remedies(rule, chain, &list);

	printf("\n  What brings the callers below %d (%s), and to what, cheapest first:\n",
	       rule->limit, rule->kernels);
	for (i = 0; i < nr && i < 3; i++) {
		if (!list[i].enough)
			break;
		print_remedy(&list[i]);
	}
	if (!i && nr) {
		printf("  none alone is enough; together, one after the other:\n");
		for (; i < nr && i < 6; i++)
			print_remedy(&list[i]);
	} else if (!i) {
		printf("  nothing that lies on the stack: use fewer functions on the way.\n");
	}
	free(list);
}

static const char * const verdict_words[] = {
	[ACCEPTED] = "accepted",
	[DEPENDS] = "depends",
	[REFUSED] = "REFUSED",
};

/* What is said of a callback besides the stack. */
static const char * const callback_words[] = {
	[ACCEPTED] = "",
	[DEPENDS] =
"\n  A callback must not get to a tail call. The verifier decides by the paths\n"
"  that it takes: one that a value forbids does not count. This tool takes all\n"
"  branches and cannot tell; make programs OBJECTS=... asks the kernels.\n",
	[REFUSED] =
"\n  A callback must not get to a tail call, and all paths of this one do: let it\n"
"  leave in its context what to do, and make the tail call behind the helper.\n",
};

static void print_chain(const struct chain *chain)
{
	const struct func *func;
	int i, r, width = 24;

	putchar('\n');
	for (i = 0; i < chain->nr; i++) {
		int len = strlen(chain->func[i]->name) + 4;

		if (len > width)
			width = len;
		printf("%s%s()%s", i ? " -> " : "", chain->func[i]->name,
		       called_back(chain, i) ? ", called back" : "");
	}
	if (last(chain)->tail_call) {
		printf(": tail call, ");
		print_place(last(chain)->tail_call);
	}
	printf("\n  %-*s", width, "");
	for (r = 0; r < NR_RULES; r++)
		printf("  %11s", rules[r].kernels);
	putchar('\n');
	for (i = 0; i < chain->nr; i++) {
		if (has_limit(chain) && i == chain->nr - 1) {
			printf("  %-*s", width, "callers");
			for (r = 0; r < NR_RULES; r++)
				printf("  %11u", callers(&rules[r], chain));
			putchar('\n');
			continue;
		}
		func = chain->func[i];
		printf("  %s()%*s", func->name,
		       width - 2 - (int)strlen(func->name), "");
		for (r = 0; r < NR_RULES; r++)
			printf("  %11u", frame(&rules[r], func, func->stack));
		putchar('\n');
	}
	printf("  %-*s", width, has_limit(chain) ? "limit" : "limit of all");
	for (r = 0; r < NR_RULES; r++) {
		if (has_limit(chain) && !rules[r].budget)
			printf("  %11u", rules[r].limit - 1);
		else if (rules[r].whole)
			printf("  %11u", MAX_STACK);
		else
			printf("  %11s", "-");
	}
	printf("\n  %-*s", width, "");
	for (r = 0; r < NR_RULES; r++) {
		enum verdict said = verdict(&rules[r], chain);

		if (said == ACCEPTED && has_limit(chain) && rules[r].budget)
			printf("  %5u calls", tail_calls(&rules[r], chain));
		else
			printf("  %11s", verdict_words[said]);
	}
	putchar('\n');
	fputs(callback_words[from_callback(&rules[NR_RULES - 1], chain)], stdout);
	for (r = 0; r < NR_RULES; r++) {
		if (has_limit(chain) && callers(&rules[r], chain) >= rules[r].limit) {
			print_advice(chain, r);
			break;
		}
	}
}

/* Chains that are told, each once, though it may be the deepest by several rules. */
static bool tell_chains(const struct ways *ways, const struct func *only,
			void (*tell)(const struct way *way, int rule))
{
	bool any = false;
	size_t i;
	int r, s;

	for (i = 0; i < ways->nr; i++) {
		const struct way *way = &ways->way[i];

		if (!is_told(ways, way, only))
			continue;
		for (r = 0; r < NR_RULES; r++) {
			any |= verdict(&rules[r], &way->deepest[r]) == REFUSED;
			for (s = 0; s < r; s++)
				if (same_chain(&way->deepest[s], &way->deepest[r]))
					break;
			if (s == r)
				tell(way, r);
		}
	}
	return any;
}

static void print_way(const struct way *way, int r)
{
	print_chain(&way->deepest[r]);
	if (way->refused[r] > 1)
		printf("\n  %u more chains between the two are refused on %s.\n",
		       way->refused[r] - 1, rules[r].kernels);
}

bool report_text(const struct object *obj, const struct func *only)
{
	struct ways ways = {};
	bool any;
	size_t i;

	find_ways(obj, &ways);
	printf("%s\n\n  stack  function, and what it is used for\n", obj->path);
	for (i = 0; i < obj->nr_funcs; i++)
		if (!only || only == &obj->funcs[i])
			print_func(&obj->funcs[i]);
	any = tell_chains(&ways, only, print_way);
	free(ways.way);
	return any;
}

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static const char *json_bool(bool value)
{
	return value ? "true" : "false";
}

static void json_line(const struct line *line)
{
	printf("\"file\": ");
	json_string(line->file);
	printf(", \"line\": %u, \"text\": ", line->nr);
	json_string(line->text);
}

static void json_func(const struct func *func)
{
	size_t i;

	printf("    {\"name\": ");
	json_string(func->name);
	printf(", \"section\": ");
	json_string(func->section);
	printf(", \"program\": %s, \"stack\": %u,\n     \"tail_call\": ",
	       json_bool(func->program), func->stack);
	if (func->tail_call) {
		putchar('{');
		json_line(func->tail_call);
		putchar('}');
	} else {
		printf("null");
	}
	printf(",\n     \"uses\": [");
	for (i = 0; i < func->nr_ranges; i++) {
		const struct range *range = &func->ranges[i];

		printf("%s\n       {\"offset\": %d, \"bytes\": %u, ", i ? "," : "",
		       range->off, range->size);
		json_line(range->line);
		printf(", \"format_string\": %s", json_bool(range->format));
		if (range->helper) {
			printf(", \"helper\": ");
			json_string(helper_name(range->helper));
		}
		if (range->role)
			printf(", \"role\": \"%s\"", range->role);
		if (range->via) {
			printf(", \"callee\": ");
			json_string(range->via->name);
		}
		if (range->within)
			printf(", \"within\": %td", range->within - func->ranges);
		putchar('}');
	}
	printf("]}");
}

static void json_chain(const struct chain *chain)
{
	const char *comma = "";
	struct remedy *list;
	bool told = false;
	size_t i, nr;
	int f, r;

	printf("    {\"functions\": [");
	for (f = 0; f < chain->nr; f++) {
		printf("%s", f ? ", " : "");
		json_string(chain->func[f]->name);
	}
	printf("], \"called_back\": [");
	for (f = 0; f < chain->nr; f++) {
		if (!called_back(chain, f))
			continue;
		printf("%s", comma);
		json_string(chain->func[f]->name);
		comma = ", ";
	}
	printf("], \"tail_call\": %s,\n     \"rules\": [",
	       json_bool(last(chain)->tail_call));
	for (r = 0; r < NR_RULES; r++) {
		enum verdict said = verdict(&rules[r], chain);

		printf("%s\n       {\"kernels\": \"%s\", \"callers\": %u, ",
		       r ? "," : "", rules[r].kernels, callers(&rules[r], chain));
		if (!rules[r].budget)
			printf("\"limit\": %u, ", rules[r].limit - 1);
		else if (has_limit(chain) && said == ACCEPTED)
			printf("\"tail_calls\": %u, ", tail_calls(&rules[r], chain));
		printf("\"total\": %u, \"refused\": %s, \"depends\": %s}",
		       total(&rules[r], chain), json_bool(said == REFUSED),
		       json_bool(said == DEPENDS));
	}
	printf("],\n     \"remedies\": [");
	for (r = 0; r < NR_RULES && !told; r++) {
		if (!has_limit(chain) || callers(&rules[r], chain) < rules[r].limit)
			continue;
		told = true;
		nr = remedies(&rules[r], chain, &list);
		for (i = 0; i < nr; i++) {
			printf("%s\n       {\"function\": ", i ? "," : "");
			json_string(list[i].func->name);
			if (list[i].range)
				printf(", \"use\": %td",
				       list[i].range - list[i].func->ranges);
			else
				printf(", \"inline\": true");
			printf(", \"kernels\": \"%s\", \"callers_then\": %u}",
			       rules[r].kernels, list[i].callers);
		}
		free(list);
	}
	printf("]}");
}

static void json_way(const struct way *way, int r)
{
	static bool again;

	if (again)
		printf(",\n");
	again = true;
	json_chain(&way->deepest[r]);
}

bool report_json(const struct object *obj, const struct func *only)
{
	struct ways ways = {};
	const char *comma = "";
	bool any;
	size_t i;

	find_ways(obj, &ways);
	printf("{\"object\": ");
	json_string(obj->path);
	printf(",\n  \"functions\": [\n");
	for (i = 0; i < obj->nr_funcs; i++) {
		if (only && only != &obj->funcs[i])
			continue;
		printf("%s", comma);
		json_func(&obj->funcs[i]);
		comma = ",\n";
	}
	printf("],\n  \"chains\": [\n");
	any = tell_chains(&ways, only, json_way);
	printf("],\n  \"refused\": %s}\n", json_bool(any));
	free(ways.way);
	return any;
}
