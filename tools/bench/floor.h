/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TAILCALL_BENCH_FLOOR_H
#define TAILCALL_BENCH_FLOOR_H

#include <linux/types.h>

#include "bench.h"

/* Stand-in for map and program: max_entries, bpf_func, ptrs[]. */
extern __u64 floor_array[2 + SLOTS];

extern const unsigned char floor_direct[], floor_direct_end[];
extern const unsigned char floor_indirect[], floor_indirect_end[];

#endif /* TAILCALL_BENCH_FLOOR_H */
