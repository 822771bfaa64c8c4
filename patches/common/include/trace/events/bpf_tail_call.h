/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bpf_tail_call

#if !defined(_TRACE_BPF_TAIL_CALL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_BPF_TAIL_CALL_H

#include <linux/bpf.h>
#include <linux/bpf_tail_call.h>
#include <linux/tracepoint.h>

/* The first probe patches the sites, the last one takes that back. */
int bpf_tail_call_trace_reg_hit(void);
void bpf_tail_call_trace_unreg_hit(void);
int bpf_tail_call_trace_reg_miss(void);
void bpf_tail_call_trace_unreg_miss(void);

TRACE_DEFINE_ENUM(BPF_TAIL_CALL_HIT);
TRACE_DEFINE_ENUM(BPF_TAIL_CALL_EMPTY);
TRACE_DEFINE_ENUM(BPF_TAIL_CALL_RANGE);
TRACE_DEFINE_ENUM(BPF_TAIL_CALL_LIMIT);
TRACE_DEFINE_ENUM(BPF_TAIL_CALL_STACK);

/* @site is in a function of @caller. A miss has no @callee. */
DECLARE_EVENT_CLASS(bpf_tail_call,

	TP_PROTO(const struct bpf_prog *caller, const struct bpf_map *map, u32 index,
		 const struct bpf_prog *callee, u32 reason, u32 count,
		 const void *ctx, const struct bpf_tail_call_site *site),

	TP_ARGS(caller, map, index, callee, reason, count, ctx, site),

	TP_STRUCT__entry(
		__field(u32, reason)
		__field(u32, caller_id)
		__string(caller, bpf_tail_call_func_name(site->func))
		__field(u32, insn)
		__field(u32, map_id)
		__string(map, map->name)
		__field(u32, index)
		__field(u32, callee_id)
		__string(callee, bpf_tail_call_prog_name(callee))
		__field(u32, count)
		__field(const void *, ctx)
	),

	TP_fast_assign(
		__entry->reason = reason;
		__entry->caller_id = caller->aux->id;
		__assign_str(caller);
		__entry->insn = site->insn;
		__entry->map_id = map->id;
		__assign_str(map);
		__entry->index = index;
		__entry->callee_id = callee ? callee->aux->id : 0;
		__assign_str(callee);
		__entry->count = count;
		__entry->ctx = ctx;
	),

	TP_printk("reason=%s caller=%u:%s+%u map=%u:%s index=%u callee=%u:%s count=%u/%u ctx=%p",
		  __print_symbolic(__entry->reason,
				   { BPF_TAIL_CALL_HIT, "hit" },
				   { BPF_TAIL_CALL_EMPTY, "empty" },
				   { BPF_TAIL_CALL_RANGE, "range" },
				   { BPF_TAIL_CALL_LIMIT, "limit" },
				   { BPF_TAIL_CALL_STACK, "stack" }),
		  __entry->caller_id, __get_str(caller), __entry->insn,
		  __entry->map_id, __get_str(map), __entry->index,
		  __entry->callee_id, __get_str(callee), __entry->count,
		  BPF_TAIL_CALL_MAX, __entry->ctx)
);

DEFINE_EVENT_FN(bpf_tail_call, bpf_tail_call_hit,
	TP_PROTO(const struct bpf_prog *caller, const struct bpf_map *map, u32 index,
		 const struct bpf_prog *callee, u32 reason, u32 count,
		 const void *ctx, const struct bpf_tail_call_site *site),
	TP_ARGS(caller, map, index, callee, reason, count, ctx, site),
	bpf_tail_call_trace_reg_hit, bpf_tail_call_trace_unreg_hit
);

DEFINE_EVENT_FN(bpf_tail_call, bpf_tail_call_miss,
	TP_PROTO(const struct bpf_prog *caller, const struct bpf_map *map, u32 index,
		 const struct bpf_prog *callee, u32 reason, u32 count,
		 const void *ctx, const struct bpf_tail_call_site *site),
	TP_ARGS(caller, map, index, callee, reason, count, ctx, site),
	bpf_tail_call_trace_reg_miss, bpf_tail_call_trace_unreg_miss
);

#endif /* _TRACE_BPF_TAIL_CALL_H */

#include <trace/define_trace.h>
