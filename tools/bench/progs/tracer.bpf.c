// SPDX-License-Identifier: GPL-2.0
/* Its target, a subprogram, is set when it is loaded. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("fentry/traced_sub")
int tracer(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
