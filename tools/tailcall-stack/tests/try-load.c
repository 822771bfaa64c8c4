// SPDX-License-Identifier: GPL-2.0
/*
 * try-load OBJECT...: offer each object to the kernel, and print its verdict on
 * each program:
 *
 *   OBJECT <tab> PROGRAM <tab> accepted|refused <tab> DETAIL
 *
 * DETAIL is the stack of each function that the verifier counted, as 176+0+0, or
 * its sentence. Exit status: 0 the kernel gave a verdict on all, 1 it did not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

/* The statistics, not each insn. */
#define LOG_STATS 4

static char log_buf[64 * 1024];

/* The rest of the line behind words in the log, from the words on. */
static char *line_with(const char *words)
{
	char *found = strstr(log_buf, words);

	if (found)
		found[strcspn(found, "\n")] = 0;
	return found;
}

static int try_program(const char *path, const char *name)
{
	static const char depth[] = "stack depth ";
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *prog;
	char *why = NULL;
	int err;

	if (!obj)
		return 1;
	bpf_object__for_each_program(prog, obj) {
		bpf_program__set_type(prog, BPF_PROG_TYPE_SCHED_CLS);
		if (strcmp(bpf_program__name(prog), name)) {
			bpf_program__set_autoload(prog, false);
			continue;
		}
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, log_buf, sizeof(log_buf));
	}
	log_buf[0] = 0;
	err = bpf_object__load(obj);
	bpf_object__close(obj);
	if (!err) {
		why = line_with(depth);
		printf("%s\t%s\taccepted\t%s\n", path, name,
		       why ? why + strlen(depth) : "");
		return !why;
	}
	/* The sentences of check_max_stack_depth(). */
	why = line_with("tail_calls are not allowed when call stack") ?:
	      line_with("combined stack size of");
	if (why) {
		printf("%s\t%s\trefused\t%s\n", path, name, why);
		return 0;
	}
	printf("%s\t%s\tnot loaded\terror %d\n%s\n", path, name, err, log_buf);
	return 1;
}

int main(int argc, char **argv)
{
	struct bpf_program *prog;
	int i, failed = argc < 2;

	/* A refusal is a result, and stands in what is printed here. */
	libbpf_set_print(NULL);
	for (i = 1; i < argc; i++) {
		struct bpf_object *obj = bpf_object__open_file(argv[i], NULL);

		if (!obj)
			return 1;
		bpf_object__for_each_program(prog, obj)
			failed |= try_program(argv[i], bpf_program__name(prog));
		bpf_object__close(obj);
	}
	return failed;
}
