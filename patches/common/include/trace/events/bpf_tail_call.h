/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bpf_tail_call

#if !defined(_TRACE_BPF_TAIL_CALL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_BPF_TAIL_CALL_H

#include <linux/bpf_tail_call.h>
#include <linux/tracepoint.h>

/* The first probe patches the sites, the last one takes that back. */
int bpf_tail_call_trace_reg_hit(void);
void bpf_tail_call_trace_unreg_hit(void);
int bpf_tail_call_trace_reg_miss(void);
void bpf_tail_call_trace_unreg_miss(void);

TRACE_DEFINE_ENUM(BPF_TAIL_CALL_EMPTY);
TRACE_DEFINE_ENUM(BPF_TAIL_CALL_RANGE);
TRACE_DEFINE_ENUM(BPF_TAIL_CALL_LIMIT);
TRACE_DEFINE_ENUM(BPF_TAIL_CALL_STACK);

TRACE_EVENT_FN(bpf_tail_call_hit,

	TP_PROTO(const struct bpf_tail_call_event *event),

	TP_ARGS(event),

	TP_STRUCT__entry(
		__field(u32, caller_id)
		__string(caller, event->caller_name)
		__field(u32, insn)
		__field(u32, map_id)
		__field(u32, index)
		__field(u32, callee_id)
		__string(callee, event->callee_name)
		__field(u32, count)
	),

	TP_fast_assign(
		__entry->caller_id = event->caller_id;
		__assign_str(caller);
		__entry->insn = event->caller_insn;
		__entry->map_id = event->map_id;
		__entry->index = event->index;
		__entry->callee_id = event->callee_id;
		__assign_str(callee);
		__entry->count = event->count;
	),

	TP_printk("caller=%u:%s+%u map=%u index=%u callee=%u:%s count=%u/%u",
		  __entry->caller_id, __get_str(caller), __entry->insn,
		  __entry->map_id, __entry->index, __entry->callee_id,
		  __get_str(callee), __entry->count, BPF_TAIL_CALL_MAX),

	bpf_tail_call_trace_reg_hit, bpf_tail_call_trace_unreg_hit
);

TRACE_EVENT_FN(bpf_tail_call_miss,

	TP_PROTO(const struct bpf_tail_call_event *event),

	TP_ARGS(event),

	TP_STRUCT__entry(
		__field(u32, reason)
		__field(u32, caller_id)
		__string(caller, event->caller_name)
		__field(u32, insn)
		__field(u32, map_id)
		__field(u32, index)
		__field(u32, count)
	),

	TP_fast_assign(
		__entry->reason = event->outcome;
		__entry->caller_id = event->caller_id;
		__assign_str(caller);
		__entry->insn = event->caller_insn;
		__entry->map_id = event->map_id;
		__entry->index = event->index;
		__entry->count = event->count;
	),

	TP_printk("reason=%s caller=%u:%s+%u map=%u index=%u count=%u/%u",
		  __print_symbolic(__entry->reason,
				   { BPF_TAIL_CALL_EMPTY, "empty" },
				   { BPF_TAIL_CALL_RANGE, "range" },
				   { BPF_TAIL_CALL_LIMIT, "limit" },
				   { BPF_TAIL_CALL_STACK, "stack" }),
		  __entry->caller_id, __get_str(caller), __entry->insn,
		  __entry->map_id, __entry->index, __entry->count,
		  BPF_TAIL_CALL_MAX),

	bpf_tail_call_trace_reg_miss, bpf_tail_call_trace_unreg_miss
);

#endif /* _TRACE_BPF_TAIL_CALL_H */

#include <trace/define_trace.h>
