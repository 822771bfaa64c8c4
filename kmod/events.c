// SPDX-License-Identifier: GPL-2.0
/*
 * Events: the ring buffer, and what reads it.
 *
 * The kernel's own ring buffer can be written from any context. If it is full the
 * oldest events go. What could not be written at all is counted here, for the
 * buffer counts only some of the reasons.
 */
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/ring_buffer.h>
#include <linux/slab.h>
#include <linux/trace_clock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/local.h>

#include "tracer.h"

/* Buffer size per CPU, in KB. */
#define MIN_KB		8
#define DEFAULT_KB	1024
#define MAX_KB		65536

/*
 * What stands in the buffer. That of the map is as long as all of them. The name of the
 * caller and that of the callee follow each other; they are copied by words, and end with
 * the first one that has a zero in it, or where they are cut.
 */
struct event {
	struct tct_task task;
	u8 outcome;
	u8 callee_at;	/* in names[], in words */
	u32 caller_id;
	u32 caller_insn;
	u32 map_id;
	u32 index;
	u32 callee_id;
	u32 count;
	const void *ctx;
	char map[BPF_OBJ_NAME_LEN];
	u64 names[];
};

#define NAME_WORDS	(TCT_NAME_LEN / sizeof(u64))

#define LINE_LEN	(TCT_HEAD_LEN + 3 * TCT_NAME_LEN + 200)

static struct trace_buffer *buffer;
static unsigned int buffer_kb = DEFAULT_KB;

static DEFINE_PER_CPU(local_t, dropped);

/* bpf_tail_call_trace_lost() counts from boot: where this recording began. */
static DEFINE_PER_CPU(u64, lost_before);	/* when recording began */
static DEFINE_PER_CPU(u64, lost_since);		/* in earlier recordings */

static DECLARE_WAIT_QUEUE_HEAD(readers);
static struct irq_work wake_work;

/* Somebody looks at the buffer, and wants to be told of the next event. */
static int waiting;

/* An event that was consumed stays where it is until the next one is. */
static DEFINE_MUTEX(consume_lock);

/* ---- writing ------------------------------------------------------------- */

static void wake(struct irq_work *work)
{
	wake_up_all(&readers);
}

/*
 * Words of a name up to that with its end. Names are ASCII, in arrays of whole words: one
 * less in each byte sets the highest bit of the one that is zero.
 */
static __always_inline unsigned int words(const char *name)
{
	unsigned int i;

	for (i = 0; i < NAME_WORDS - 1; i++) {
		u64 word = get_unaligned((const u64 *)name + i);

		if ((word - ~0ULL / 255) & (~0ULL / 255 << 7))
			break;
	}
	return i + 1;
}

static __always_inline void copy(u64 *to, const char *name, unsigned int count)
{
	unsigned int i = 0;

	do {
		to[i] = get_unaligned((const u64 *)name + i);
	} while (++i < count);
}

/**
 * tct_probe() - write an event: it is the probe of both tracepoints of tail calls
 * @data: not used
 * @caller: the program
 * @map: the prog_array
 * @index: its slot
 * @callee: who is called, NULL for a miss
 * @outcome: what became of the tail call
 * @count: how many the run has made
 * @ctx: what the program has in R1
 * @site: where the tail call is
 *
 * Runs in any context, NMI among them, with preemption disabled. A tail call
 * that something in here made would not come back to here: the hook counts it
 * as lost.
 */
void tct_probe(void *data, const struct bpf_prog *caller, const struct bpf_map *map,
	       u32 index, const struct bpf_prog *callee, u32 outcome, u32 count,
	       const void *ctx, const struct bpf_tail_call_site *site)
{
	static const char none[sizeof(u64)] __aligned(sizeof(u64)) = "";
	const struct tct_filter *filter = rcu_dereference_sched(tct_filter);
	unsigned int caller_len, callee_len;
	const char *caller_name, *callee_name = none;
	struct ring_buffer_event *slot;
	struct event *event;

	if (unlikely(filter) && !tct_filter_match(filter, caller, map, callee, outcome))
		return;
	caller_name = bpf_tail_call_func_name(site->func);
	if (callee)
		callee_name = bpf_tail_call_prog_name(callee);
	caller_len = words(caller_name);
	callee_len = words(callee_name);
	slot = ring_buffer_lock_reserve(buffer, struct_size(event, names,
							    caller_len + callee_len));
	if (!slot) {
		local_inc(this_cpu_ptr(&dropped));
		return;
	}
	event = ring_buffer_event_data(slot);
	tct_fill_task(&event->task);
	event->outcome = outcome;
	event->callee_at = caller_len;
	event->caller_id = caller->aux->id;
	event->caller_insn = site->insn;
	event->map_id = map->id;
	event->index = index;
	event->callee_id = callee ? callee->aux->id : 0;
	event->count = count;
	event->ctx = ctx;
	memcpy(event->map, map->name, sizeof(event->map));
	copy(event->names, caller_name, caller_len);
	copy(event->names + caller_len, callee_name, callee_len);
	tct_commit(buffer, slot);

	/* Who waits says so first, and then looks at the buffer. */
	smp_mb();
	if (unlikely(READ_ONCE(waiting)) && xchg(&waiting, 0))
		irq_work_queue(&wake_work);
}

/**
 * tct_events_begin() - before the first event of a recording
 */
void tct_events_begin(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(lost_before, cpu) = bpf_tail_call_trace_lost(cpu);
}

/**
 * tct_events_end() - after the last event of a recording
 */
void tct_events_end(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(lost_since, cpu) += bpf_tail_call_trace_lost(cpu) -
					    per_cpu(lost_before, cpu);
}

/**
 * tct_events_wake() - let readers see that tracing was switched
 */
void tct_events_wake(void)
{
	wake_up_all(&readers);
}

/* ---- lines --------------------------------------------------------------- */

static int format_event(char *to, size_t size, const struct event *event,
			int cpu, u64 time)
{
	const char *caller = (const char *)event->names;
	const char *callee = (const char *)(event->names + event->callee_at);
	int len;

	len = tct_format_head(to, size, &event->task, cpu, time);
	if (event->outcome == BPF_TAIL_CALL_HIT)
		len += scnprintf(to + len, size - len, "hit");
	else
		len += scnprintf(to + len, size - len, "miss reason=%s",
				 tct_outcome_name(event->outcome));
	len += scnprintf(to + len, size - len, " caller=%u:%.*s+%u map=%u:%s index=%u",
			 event->caller_id, TCT_NAME_LEN - 1, caller, event->caller_insn,
			 event->map_id, event->map, event->index);
	if (event->callee_id)
		len += scnprintf(to + len, size - len, " callee=%u:%.*s",
				 event->callee_id, TCT_NAME_LEN - 1, callee);
	return len + scnprintf(to + len, size - len, " count=%u/%d ctx=%p\n",
			       event->count, TCT_LIMIT, event->ctx);
}

static int format_lost(char *to, size_t size, int cpu, unsigned long lost)
{
	return scnprintf(to, size, "CPU:%d [LOST %lu EVENTS]\n", cpu, lost);
}

/* ---- trace_pipe ---------------------------------------------------------- */

struct pipe {
	struct mutex lock;	/* for what follows: threads may share a file */
	bool had_events;
	size_t at;		/* what was not read so far of ... */
	size_t len;
	char text[2 * LINE_LEN];
};

static int oldest_cpu(void)
{
	u64 time, oldest = 0;
	int cpu, found = -1;

	for_each_possible_cpu(cpu) {
		if (!ring_buffer_peek(buffer, cpu, &time, NULL))
			continue;
		if (found < 0 || time < oldest) {
			found = cpu;
			oldest = time;
		}
	}
	return found;
}

/* Take the oldest event out of the buffer: false if there is none. */
static bool pipe_fill(struct pipe *pipe)
{
	struct ring_buffer_event *slot = NULL;
	unsigned long lost = 0;
	u64 time;
	int cpu;

	mutex_lock(&consume_lock);
	cpu = oldest_cpu();
	if (cpu >= 0)
		slot = ring_buffer_consume(buffer, cpu, &time, &lost);
	pipe->at = 0;
	pipe->len = 0;
	if (slot) {
		if (lost)
			pipe->len = format_lost(pipe->text, sizeof(pipe->text),
						cpu, lost);
		pipe->len += format_event(pipe->text + pipe->len,
					  sizeof(pipe->text) - pipe->len,
					  ring_buffer_event_data(slot), cpu,
					  time);
		pipe->had_events = true;
	}
	mutex_unlock(&consume_lock);
	return slot;
}

/* As ftrace has it: who has read events sees the end when no more will come. */
static bool pipe_at_end(const struct pipe *pipe)
{
	return pipe->had_events && !tct_tracing() && ring_buffer_empty(buffer);
}

static bool pipe_ready(const struct pipe *pipe)
{
	WRITE_ONCE(waiting, 1);
	/* Pairs with tct_probe(). */
	smp_mb();
	return !ring_buffer_empty(buffer) || pipe_at_end(pipe);
}

static int pipe_wait(struct pipe *pipe, bool nonblock)
{
	if (nonblock)
		return -EAGAIN;
	/* Nothing to read and yet not empty: do not spin. */
	if (!ring_buffer_empty(buffer))
		return schedule_timeout_interruptible(1) ? -ERESTARTSYS : 0;
	return wait_event_interruptible(readers, pipe_ready(pipe));
}

static ssize_t pipe_read(struct file *file, char __user *to, size_t count,
			 loff_t *pos)
{
	struct pipe *pipe = file->private_data;
	size_t copied = 0, len;
	ssize_t err;

	err = tct_may_look();
	if (err)
		return err;
	err = mutex_lock_interruptible(&pipe->lock);
	if (err)
		return err;
	while (copied < count) {
		if (pipe->at < pipe->len || pipe_fill(pipe)) {
			len = min(count - copied, pipe->len - pipe->at);
			if (copy_to_user(to + copied, pipe->text + pipe->at, len)) {
				err = -EFAULT;
				break;
			}
			pipe->at += len;
			copied += len;
			if (signal_pending(current))
				break;
			cond_resched();
			continue;
		}
		if (copied || pipe_at_end(pipe))
			break;
		err = pipe_wait(pipe, file->f_flags & O_NONBLOCK);
		if (err)
			break;
	}
	mutex_unlock(&pipe->lock);
	return copied ? copied : err;
}

static __poll_t pipe_poll(struct file *file, poll_table *wait)
{
	struct pipe *pipe = file->private_data;

	poll_wait(file, &readers, wait);
	if (READ_ONCE(pipe->at) < READ_ONCE(pipe->len) || pipe_ready(pipe))
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static int pipe_open(struct inode *inode, struct file *file)
{
	struct pipe *pipe;
	int err;

	err = tct_may_look();
	if (err)
		return err;
	pipe = kzalloc(sizeof(*pipe), GFP_KERNEL);
	if (!pipe)
		return -ENOMEM;
	mutex_init(&pipe->lock);
	file->private_data = pipe;
	return nonseekable_open(inode, file);
}

static int pipe_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

/* The owner keeps the module as long as somebody has the file open. */
static const struct file_operations pipe_fops = {
	.owner	 = THIS_MODULE,
	.open	 = pipe_open,
	.read	 = pipe_read,
	.poll	 = pipe_poll,
	.release = pipe_release,
};

/* ---- trace --------------------------------------------------------------- */

struct snapshot {
	u64 end;		/* what comes later is not shown */
	loff_t at;		/* the number of the event that is next */
	int cpu;		/* and where it is */
	u64 time;
	struct ring_buffer_iter *iter[];
};

/* Find the oldest event that was not passed over so far. */
static struct event *snapshot_peek(struct snapshot *s)
{
	struct ring_buffer_event *slot, *found = NULL;
	u64 time;
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!s->iter[cpu])
			continue;
		slot = ring_buffer_iter_peek(s->iter[cpu], &time);
		if (!slot || time > s->end || (found && time >= s->time))
			continue;
		found = slot;
		s->cpu = cpu;
		s->time = time;
	}
	return found ? ring_buffer_event_data(found) : NULL;
}

static void snapshot_rewind(struct snapshot *s)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (s->iter[cpu])
			ring_buffer_iter_reset(s->iter[cpu]);
	s->at = 1;
	s->end = trace_clock_local();
}

/* Position 0 is the head line, n the n-th event. */
static void *snapshot_start(struct seq_file *m, loff_t *pos)
{
	struct snapshot *s = m->private;
	struct event *event;
	int err;

	err = tct_may_look();
	if (err)
		return ERR_PTR(err);
	if (!*pos) {
		snapshot_rewind(s);
		return SEQ_START_TOKEN;
	}
	if (*pos < s->at)
		snapshot_rewind(s);
	while ((event = snapshot_peek(s)) && s->at < *pos) {
		ring_buffer_iter_advance(s->iter[s->cpu]);
		s->at++;
	}
	return event;
}

static void *snapshot_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct snapshot *s = m->private;

	++*pos;
	if (v != SEQ_START_TOKEN) {
		ring_buffer_iter_advance(s->iter[s->cpu]);
		s->at++;
	}
	return snapshot_peek(s);
}

static void snapshot_stop(struct seq_file *m, void *v)
{
}

static int snapshot_show(struct seq_file *m, void *v)
{
	struct snapshot *s = m->private;
	char line[LINE_LEN];

	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "# entries=%lu overrun=%lu\n",
			   ring_buffer_entries(buffer), ring_buffer_overruns(buffer));
		seq_puts(m, "#            TASK-PID     CPU  context  TIME\n");
		return 0;
	}
	if (ring_buffer_iter_dropped(s->iter[s->cpu]))
		seq_printf(m, "CPU:%d [LOST EVENTS]\n", s->cpu);
	format_event(line, sizeof(line), v, s->cpu, s->time);
	seq_puts(m, line);
	return 0;
}

static const struct seq_operations snapshot_ops = {
	.start	= snapshot_start,
	.next	= snapshot_next,
	.stop	= snapshot_stop,
	.show	= snapshot_show,
};

static int snapshot_open(struct inode *inode, struct file *file)
{
	struct snapshot *s;
	int cpu, err;

	err = tct_may_look();
	if (err)
		return err;
	/* As in ftrace, ">trace" empties the buffer. */
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC)) {
		err = mutex_lock_interruptible(&tct_lock);
		if (err)
			return err;
		tct_events_reset();
		mutex_unlock(&tct_lock);
	}
	s = __seq_open_private(file, &snapshot_ops,
			       struct_size(s, iter, nr_cpu_ids));
	if (!s)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		s->iter[cpu] = ring_buffer_read_start(buffer, cpu, GFP_KERNEL);
	return 0;
}

static int snapshot_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct snapshot *s = m->private;
	int cpu;

	for_each_possible_cpu(cpu)
		if (s->iter[cpu])
			ring_buffer_read_finish(s->iter[cpu]);
	return seq_release_private(inode, file);
}

/* What is written goes nowhere, so that "echo >trace" is no error. */
static ssize_t snapshot_write(struct file *file, const char __user *from,
			      size_t count, loff_t *pos)
{
	return count;
}

static const struct file_operations snapshot_fops = {
	.owner	 = THIS_MODULE,
	.open	 = snapshot_open,
	.read	 = seq_read,
	.write	 = snapshot_write,
	.llseek	 = seq_lseek,
	.release = snapshot_release,
};

/* ---- the buffer ---------------------------------------------------------- */

static ssize_t size_read(struct file *file, char __user *to, size_t count,
			 loff_t *pos)
{
	char text[16];
	int len;

	len = scnprintf(text, sizeof(text), "%u\n", READ_ONCE(buffer_kb));
	return simple_read_from_buffer(to, count, pos, text, len);
}

static ssize_t size_write(struct file *file, const char __user *from,
			  size_t count, loff_t *pos)
{
	unsigned int kb;
	int err;

	err = tct_read_number(from, count, &kb);
	if (err)
		return err;
	if (kb < MIN_KB || kb > MAX_KB)
		return -EINVAL;
	err = mutex_lock_interruptible(&tct_lock);
	if (err)
		return err;
	err = ring_buffer_resize(buffer, (unsigned long)kb << 10,
				 RING_BUFFER_ALL_CPUS);
	if (err >= 0)
		WRITE_ONCE(buffer_kb, kb);
	mutex_unlock(&tct_lock);
	return err < 0 ? err : count;
}

static const struct file_operations size_fops = {
	.owner	= THIS_MODULE,
	.open	= tct_open,
	.read	= size_read,
	.write	= size_write,
	.llseek	= default_llseek,
};

/* Called with tct_lock held. */
static u64 lost_on(int cpu)
{
	u64 lost = per_cpu(lost_since, cpu);

	if (tct_tracing())
		lost += bpf_tail_call_trace_lost(cpu) - per_cpu(lost_before, cpu);
	return lost;
}

/* All tail calls of this CPU while it recorded: the first three, and the last. */
static int cpu_stats_show(struct seq_file *m, void *unused)
{
	int cpu = (long)m->private;
	u64 lost;
	int err;

	err = mutex_lock_interruptible(&tct_lock);
	if (err)
		return err;
	lost = lost_on(cpu);
	seq_printf(m, "entries: %lu\n", ring_buffer_entries_cpu(buffer, cpu));
	seq_printf(m, "overrun: %lu\n", ring_buffer_overrun_cpu(buffer, cpu));
	seq_printf(m, "dropped events: %llu\n",
		   lost + local_read(per_cpu_ptr(&dropped, cpu)));
	seq_printf(m, "of these by the hook: %llu\n", lost);
	seq_printf(m, "bytes: %lu\n", ring_buffer_bytes_cpu(buffer, cpu));
	seq_printf(m, "read events: %lu\n",
		   ring_buffer_read_events_cpu(buffer, cpu));
	mutex_unlock(&tct_lock);
	return 0;
}

static int cpu_stats_open(struct inode *inode, struct file *file)
{
	int err = tct_may_look();

	return err ? err : single_open(file, cpu_stats_show, inode->i_private);
}

static const struct file_operations cpu_stats_fops = {
	.owner	 = THIS_MODULE,
	.open	 = cpu_stats_open,
	.read	 = seq_read,
	.llseek	 = seq_lseek,
	.release = single_release,
};

/**
 * tct_events_reset() - empty the buffer and begin to count anew
 *
 * Called with tct_lock held.
 */
void tct_events_reset(void)
{
	int cpu;

	mutex_lock(&consume_lock);
	ring_buffer_reset(buffer);
	mutex_unlock(&consume_lock);
	for_each_possible_cpu(cpu) {
		local_set(per_cpu_ptr(&dropped, cpu), 0);
		per_cpu(lost_since, cpu) = 0;
	}
	tct_events_begin();
}

int tct_events_init(struct dentry *dir)
{
	struct dentry *cpus;
	char name[32];
	long cpu;

	init_irq_work(&wake_work, wake);
	buffer = ring_buffer_alloc(DEFAULT_KB << 10, RB_FL_OVERWRITE);
	if (!buffer)
		return -ENOMEM;
	debugfs_create_file("trace", 0600, dir, NULL, &snapshot_fops);
	debugfs_create_file("trace_pipe", 0400, dir, NULL, &pipe_fops);
	debugfs_create_file("buffer_size_kb", 0640, dir, NULL, &size_fops);
	cpus = debugfs_create_dir("per_cpu", dir);
	for_each_possible_cpu(cpu) {
		snprintf(name, sizeof(name), "cpu%ld", cpu);
		debugfs_create_file("stats", 0440,
				    debugfs_create_dir(name, cpus),
				    (void *)cpu, &cpu_stats_fops);
	}
	return 0;
}

/* Nobody writes any more, and no file is open. */
void tct_events_exit(void)
{
	irq_work_sync(&wake_work);
	ring_buffer_free(buffer);
}
