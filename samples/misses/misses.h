/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF program tells user space of a tail call that was not made. */
#ifndef MISSES_H
#define MISSES_H

struct miss {
	__u32 map_id;
	__u32 index;
	__u32 reason;		/* enum bpf_tail_call_outcome */
	__u32 count;		/* of the run, so far */
	__u32 caller_id;
	__u32 ifindex;		/* 0: not a packet */
	__u32 mark;
	char map[16];
	char caller[16];
};

#endif /* MISSES_H */
