// SPDX-License-Identifier: GPL-2.0
/*
 * tailcall_poke_race - change a prog_array while programs come and go
 *
 * One thread loads and drops programs whose tail calls have a constant slot, so
 * that the JIT makes jumps of them; another one changes what is in that slot,
 * which patches those jumps. Linux before 6.7 does not patch a program that is
 * just being loaded, and meets an unexpected jump at the next change: BUG().
 *
 * So this takes a kernel down that has the bug, and wants to be asked twice. A
 * kernel that survives must then have every program tail call what is in the
 * slot.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "insn.h"

/* kselftest's exit status for a test that could not run. */
#define EXIT_SKIP	4

/* Each makes one tail call; the last function is patched long after the first. */
#define SUBPROGRAMS	8
#define KEPT		2
#define UPDATES_A_DELETE 500

static const __u32 slot;
static int array_fd;
static int btf_fd;
static __u32 func_btf_id[1 + SUBPROGRAMS];
/* Callees return 1 and 2. */
static int callee_fd[2];

static time_t deadline;
static atomic_ulong loads, updates;

static void __attribute__((noreturn, format(printf, 2, 3)))
stop(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("tailcall_poke_race: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static int in_time(void)
{
	return time(NULL) < deadline;
}

static int load_callee(int value)
{
	struct bpf_insn insns[] = { MOV_IMM(BPF_REG_0, value), EXIT() };
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "callee", "GPL", insns,
			       2, NULL);

	if (fd < 0)
		stop(EXIT_SKIP, "cannot load a program: %s", strerror(errno));
	return fd;
}

/* The verifier wants BTF where subprograms make tail calls. */
static void load_btf(void)
{
	struct btf *btf = btf__new_empty();
	int i, id, proto;

	if (!btf)
		stop(EXIT_SKIP, "no memory for BTF");
	id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	proto = btf__add_func_proto(btf, id);
	if (btf__add_func_param(btf, "ctx", id) < 0)
		stop(EXIT_SKIP, "cannot make BTF");
	for (i = 0; i <= SUBPROGRAMS; i++) {
		char name[16];

		snprintf(name, sizeof(name), i ? "sub%d" : "main", i);
		id = btf__add_func(btf, name,
				   i ? BTF_FUNC_STATIC : BTF_FUNC_GLOBAL, proto);
		if (id < 0)
			stop(EXIT_SKIP, "cannot make BTF");
		func_btf_id[i] = id;
	}
	if (btf__load_into_kernel(btf))
		stop(EXIT_SKIP, "cannot load BTF: %s", strerror(errno));
	/* It stays open until the end. */
	btf_fd = btf__fd(btf);
}

/*
 *   main -call-> sub1 -slot 0-> callee
 *        -call-> sub2 -slot 0-> callee
 *        ...
 * returns what the last call returned: that of the callee, or 0.
 */
static int load_caller(void)
{
	enum { CALLS = 2 * SUBPROGRAMS, MAIN = 1 + CALLS + 1, SUB = 6 };
	struct bpf_insn insns[MAIN + SUBPROGRAMS * SUB];
	struct bpf_func_info info[1 + SUBPROGRAMS];
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .prog_btf_fd = btf_fd,
		    .func_info = info,
		    .func_info_cnt = 1 + SUBPROGRAMS,
		    .func_info_rec_size = sizeof(info[0]));
	int i, n = 0;

	insns[n++] = MOV_REG(BPF_REG_6, BPF_REG_1);
	for (i = 0; i < SUBPROGRAMS; i++) {
		insns[n++] = MOV_REG(BPF_REG_1, BPF_REG_6);
		insns[n] = CALL_INSN(BPF_PSEUDO_CALL, MAIN + i * SUB - n - 1);
		n++;
	}
	insns[n++] = EXIT();
	info[0] = (struct bpf_func_info) { .type_id = func_btf_id[0] };
	for (i = 0; i < SUBPROGRAMS; i++) {
		info[1 + i].insn_off = n;
		info[1 + i].type_id = func_btf_id[1 + i];
		insns[n++] = MAP_FD(BPF_REG_2, array_fd);
		insns[n++] = IMM64_END(0);
		insns[n++] = MOV_IMM(BPF_REG_3, slot);
		insns[n++] = CALL_INSN(0, BPF_FUNC_tail_call);
		insns[n++] = MOV_IMM(BPF_REG_0, 0);
		insns[n++] = EXIT();
	}
	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "caller", "GPL", insns, n,
			     &opts);
}

static int load_caller_ok(void)
{
	int fd = load_caller();

	if (fd < 0)
		stop(1, "cannot load the caller: %s", strerror(errno));
	return fd;
}

/* A ring of programs stays loaded, so that old and new ones are patched. */
static int kept[KEPT];

static void *load_and_drop(void *unused)
{
	unsigned int i = 0;

	(void)unused;
	while (in_time()) {
		close(kept[i]);
		kept[i] = load_caller_ok();
		i = (i + 1) % KEPT;
		loads++;
	}
	return NULL;
}

static void set_slot(int callee)
{
	if (bpf_map_update_elem(array_fd, &slot, &callee_fd[callee], BPF_ANY))
		stop(1, "cannot update the slot: %s", strerror(errno));
}

static void clear_slot(void)
{
	if (bpf_map_delete_elem(array_fd, &slot))
		stop(1, "cannot delete the slot: %s", strerror(errno));
}

/* Deletes are rare, because each waits for a grace period a jump. */
static void *update(void *unused)
{
	(void)unused;
	while (in_time()) {
		set_slot(updates++ % 2);
		if (updates % UPDATES_A_DELETE == 0)
			clear_slot();
	}
	return NULL;
}

static void expect_all(__u32 want)
{
	char packet[64] = "";
	int i;

	for (i = 0; i < KEPT; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts,
			    .data_in = packet,
			    .data_size_in = sizeof(packet),
			    .repeat = 1);

		if (bpf_prog_test_run_opts(kept[i], &opts))
			stop(1, "cannot run a program: %s", strerror(errno));
		if (opts.retval != want)
			stop(1, "program %d returned %u, with %u in the slot",
			     i, opts.retval, want);
	}
}

static void print_usage(FILE *f)
{
	fputs("Usage: tailcall_poke_race --i-know [SECONDS]\n"
	      "\n"
	      "Takes a kernel down that has bug A8 of the tail call family: run it in a\n"
	      "virtual machine. Exit status: 0 survived, 1 a program went elsewhere, 2 wrong\n"
	      "option, 4 cannot tell.\n", f);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int seconds = 10, i;
	pthread_t thread[2];

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return 0;
	}
	if (argc == 3)
		seconds = atoi(argv[2]);
	if (argc < 2 || argc > 3 || strcmp(argv[1], "--i-know") || seconds < 1) {
		print_usage(stderr);
		return 2;
	}

	/* Before 5.11 BPF memory counts against this. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	array_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "slots",
				  sizeof(__u32), sizeof(__u32), 1, NULL);
	if (array_fd < 0)
		stop(EXIT_SKIP, "bpf(2) does not work here: %s",
		     strerror(errno));
	load_btf();
	callee_fd[0] = load_callee(1);
	callee_fd[1] = load_callee(2);
	for (i = 0; i < KEPT; i++)
		kept[i] = load_caller_ok();

	deadline = time(NULL) + seconds;
	if (pthread_create(&thread[0], NULL, load_and_drop, NULL) ||
	    pthread_create(&thread[1], NULL, update, NULL))
		stop(EXIT_SKIP, "cannot start two threads");
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);

	set_slot(0);
	expect_all(1);
	set_slot(1);
	expect_all(2);
	clear_slot();
	expect_all(0);
	printf("survived %lu loads and %lu updates in %d s\n", loads, updates,
	       seconds);
	return 0;
}
