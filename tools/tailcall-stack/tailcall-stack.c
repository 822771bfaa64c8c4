// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall-stack OBJECT: see usage() below, and Documentation/tail-calls.rst
 * for the rule.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "tailcall-stack.h"

static const char usage_text[] =
"usage: tailcall-stack OBJECT [--func NAME] [--json]\n"
"       tailcall-stack --id N [--func NAME] [--json]\n"
"\n"
"Prints how much stack each function of a BPF object uses and what for, and\n"
"which call chains the verifier refuses in front of a tail call: for their stack,\n"
"or because a helper's callback gets there. OBJECT is what clang -g -target bpf\n"
"made; nothing is loaded, and root is not needed.\n"
"\n"
"  --id N        the loaded program with this id, as root: bpftool prog lists them\n"
"  --func NAME   only this function and the chains it is part of\n"
"  --json        for machines\n"
"  --help\n"
"\n"
"Exit status: 0 all chains are accepted, 1 some kernel line refuses one, 2 wrong\n"
"usage, or not an object that can be read.\n";

void die(const char *fmt, ...)
{
	va_list ap;

	fputs("tailcall-stack: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

void *zalloc(size_t size)
{
	void *p = calloc(1, size ?: 1);

	if (!p)
		die("out of memory");
	return p;
}

void *grow(void *array, size_t nr, size_t size)
{
	/* Full at 0 and at each power of two. */
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array)
		die("out of memory");
	return array;
}

static const struct func *find_func(const struct object *obj, const char *name)
{
	size_t i;

	for (i = 0; i < obj->nr_funcs; i++)
		if (!strcmp(obj->funcs[i].name, name))
			return &obj->funcs[i];
	die("%s has no function %s: run without --func to see all", obj->path,
	    name);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'i' },
		{ "func", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *name = NULL, *id = NULL;
	const struct func *only;
	struct object obj = {};
	bool refused, json = false;
	size_t i;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'i':
			id = optarg;
			break;
		case 'f':
			name = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			fputs("Try --help.\n", stderr);
			return 2;
		}
	}
	if (id && optind != argc)
		die("name one object file or one --id, not both: see --help");
	if (!id && (optind + 1 != argc || !argv[optind][0]))
		die("name one object file: see --help");

	libbpf_set_print(NULL);
	if (id)
		read_loaded(&obj, id);
	else
		read_object(&obj, argv[optind]);
	for (i = 0; i < obj.nr_funcs; i++)
		analyse(&obj.funcs[i]);
	only = name ? find_func(&obj, name) : NULL;
	refused = json ? report_json(&obj, only) : report_text(&obj, only);
	if (fflush(stdout) || ferror(stdout))
		die("cannot write the report");
	return refused;
}
