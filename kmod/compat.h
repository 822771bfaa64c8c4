/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that differs between the kernel lines the tracer builds for.
 */
#ifndef TCT_COMPAT_H
#define TCT_COMPAT_H

#include <linux/bpf.h>
#include <linux/preempt.h>
#include <linux/ring_buffer.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "The tail call tracer needs Linux 5.10 or newer."
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0)
#error "The tail call tracer is not tried on kernels newer than 7.3: try it, then raise this limit."
#endif

#ifndef CONFIG_DEBUG_FS
#error "The tail call tracer shows all it knows in debugfs: set CONFIG_DEBUG_FS=y."
#endif

#ifndef CONFIG_RING_BUFFER
#error "The tail call tracer uses the kernel's ring buffer: set CONFIG_FTRACE=y and a tracer."
#endif

/* How many tail calls a run may make: older kernels count from 0. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)
#define TCT_LIMIT	(MAX_TAIL_CALL_CNT + 1)
#else
#define TCT_LIMIT	MAX_TAIL_CALL_CNT
#endif

static inline void tct_commit(struct trace_buffer *buffer,
			      struct ring_buffer_event *event)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	ring_buffer_unlock_commit(buffer, event);
#else
	ring_buffer_unlock_commit(buffer);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define in_hardirq()	in_irq()
#endif

#endif /* TCT_COMPAT_H */
