/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TAILCALL_BENCH_FLOOR_H
#define TAILCALL_BENCH_FLOOR_H

#include <linux/types.h>

#include "bench.h"

/* Stand-in for map and program: max_entries, bpf_func, ptrs[]. */
extern __u64 floor_array[2 + SLOTS];

__u32 floor_direct(const void *ctx, const void *insns);
__u32 floor_indirect(const void *ctx, const void *insns);

#endif /* TAILCALL_BENCH_FLOOR_H */
