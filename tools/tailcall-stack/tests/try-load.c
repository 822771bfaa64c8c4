// SPDX-License-Identifier: GPL-2.0
/*
 * try-load OBJECT...: offer each object to the kernel, and print its verdict on
 * each program:
 *
 *   OBJECT <tab> PROGRAM <tab> accepted|refused <tab> DETAIL
 *
 * DETAIL is the stack of each function that the verifier counted, as 176+0+0, or
 * its sentence. Exit status: 0 the kernel gave a verdict on all, 1 it did not.
 *
 * try-load --with COMMAND OBJECT...: run COMMAND ID while a program is loaded, for
 * each that loads, and print nothing else. Exit status: 1 if COMMAND's was neither
 * 0 nor 1, as tailcall-stack's may be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <bpf/bpf.h>
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

/*
 * The stack of all functions: "0+176 max 176", as kernels before 7.3 print it; 7.3
 * has only the most in this line, and a line for each function behind it.
 */
static const char *stack_depth(void)
{
	static const char depth[] = "stack depth ", stack[] = " stack ";
	static char sum[256];
	char *line = strstr(log_buf, depth), *at;
	size_t len = 0;

	if (!line)
		return NULL;
	if (strncmp(line + strlen(depth), "max ", 4))
		return line_with(depth) + strlen(depth);
	sum[0] = 0;
	while ((line = strchr(line, '\n')) && !strncmp(++line, "subprog ", 8)) {
		at = strstr(line, stack);
		if (!at || len >= sizeof(sum))
			return NULL;
		len += snprintf(sum + len, sizeof(sum) - len, "%s%lu", len ? "+" : "",
				strtoul(at + strlen(stack), NULL, 10));
	}
	return sum;
}

static int run_with(const char *command, const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	char line[256];
	int status;

	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return 1;
	snprintf(line, sizeof(line), "%s %u", command, info.id);
	fflush(stdout);
	status = system(line);
	return status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) > 1;
}

static int try_program(const char *path, const char *name, const char *command)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *prog;
	const char *why = NULL;
	int err, failed = 0;

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
	if (!err && command)
		failed = run_with(command,
				  bpf_object__find_program_by_name(obj, name));
	bpf_object__close(obj);
	if (command)
		return failed;
	if (!err) {
		why = stack_depth();
		printf("%s\t%s\taccepted\t%s\n", path, name, why ?: "");
		return !why;
	}
	/* The sentences of check_max_stack_depth(), and that of a callback's path. */
	why = line_with("tail_calls are not allowed when call stack") ?:
	      line_with("combined stack size of") ?:
	      line_with("cannot tail call within callback");
	if (why) {
		printf("%s\t%s\trefused\t%s\n", path, name, why);
		/* how a patched verifier explains it */
		fputs(why + strlen(why) + 1, stderr);
		return 0;
	}
	printf("%s\t%s\tnot loaded\terror %d\n%s\n", path, name, err, log_buf);
	return 1;
}

int main(int argc, char **argv)
{
	const char *command = NULL;
	struct bpf_program *prog;
	int i, failed = argc < 2;

	/* A refusal is a result, and stands in what is printed here. */
	libbpf_set_print(NULL);
	if (argc > 2 && !strcmp(argv[1], "--with"))
		command = argv[2];
	for (i = command ? 3 : 1; i < argc; i++) {
		struct bpf_object *obj = bpf_object__open_file(argv[i], NULL);

		if (!obj)
			return 1;
		bpf_object__for_each_program(prog, obj)
			failed |= try_program(argv[i], bpf_program__name(prog),
					      command);
		bpf_object__close(obj);
	}
	return failed;
}
