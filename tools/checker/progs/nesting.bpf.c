// SPDX-License-Identifier: GPL-2.0
/*
 * Two programs with one tail callee: its second run begins in the middle of the
 * first one. Only numbers lie on its stack.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* What the JIT keeps off the kernel's stack has 64 bytes or more. */
#define SLOTS 16

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} jump SEC(".maps");

__u32 pid;
__u32 runs;
__u32 changed;

/* A function of the kernel for tests: it is the tracepoint bpf_trigger_tp. */
extern int bpf_modify_return_test_tp(int nonce) __ksym;

SEC("raw_tp")
int callee(void *ctx)
{
	volatile __u64 slot[SLOTS];
	__u64 run;
	int i;

	/* Another checker sees our tracepoint as well. */
	if (bpf_get_current_pid_tgid() >> 32 != pid)
		return 0;
	run = ++runs;
	for (i = 0; i < SLOTS; i++)
		slot[i] = run;
	if (run == 1)
		bpf_modify_return_test_tp(0);
	for (i = 0; i < SLOTS; i++)
		changed += slot[i] != run;
	return 0;
}

SEC("raw_tp")
int outer(void *ctx)
{
	bpf_tail_call(ctx, &jump, 0);
	return 0;
}

SEC("raw_tp/bpf_trigger_tp")
int inner(void *ctx)
{
	bpf_tail_call(ctx, &jump, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
