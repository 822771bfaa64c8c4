// SPDX-License-Identifier: GPL-2.0
/*
 * A global function that makes a tail call, called where its program may sleep and
 * where not. None is attached to anything, so none runs.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>

/* What is there in all kernels that know of such a region. */
extern void bpf_rcu_read_lock(void)__ksym;
extern void bpf_rcu_read_unlock(void)__ksym;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jump SEC(".maps");

__noinline int tail_call(bpf_user_pt_regs_t *ctx)
{
	bpf_tail_call_static(ctx, &jump, 0);
	return 0;
}

SEC("?uprobe.s")
int sleeper_in_region(bpf_user_pt_regs_t *ctx)
{
	bpf_rcu_read_lock();
	tail_call(ctx);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("?uprobe.s")
int sleeper_outside(bpf_user_pt_regs_t *ctx)
{
	tail_call(ctx);
	return 0;
}

SEC("?uprobe")
int awake_in_region(bpf_user_pt_regs_t *ctx)
{
	bpf_rcu_read_lock();
	tail_call(ctx);
	bpf_rcu_read_unlock();
	return 0;
}

char _license[] SEC("license") = "GPL";
