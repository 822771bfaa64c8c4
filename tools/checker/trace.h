/* SPDX-License-Identifier: GPL-2.0 */
/* What the traced programs and tailcall_trace have to agree on. */
#ifndef TAILCALL_TRACE_H
#define TAILCALL_TRACE_H

#define TRACE_SLOTS	4

enum { SLOT_PARSE, SLOT_CHAIN, SLOT_EMPTY, SLOT_FREE };

/* What a tail callee returns where its caller would return zero. */
#define CALLEE_RAN	5

/* Tail calls that a run may make, as the kernel has it. */
#define LIMIT		33

#endif /* TAILCALL_TRACE_H */
