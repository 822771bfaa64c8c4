// SPDX-License-Identifier: GPL-2.0
/*
 * Who wrote to the slots of prog_arrays, and which programs were refused: the
 * newest of each, for as long as the module is loaded.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/trace_clock.h>
#include <linux/tracepoint.h>
#include <trace/events/bpf_tail_call.h>

#include "tracer.h"

/* Powers of two. */
#define SLOT_RECORDS	1024
#define REFUSAL_RECORDS	256

struct record {
	u64 time;
	struct tct_task task;
	int cpu;
	u32 map_id;
	union {
		struct {
			u32 index;
			u32 old_id;
			u32 new_id;
			u32 how;
			char old_name[TCT_NAME_LEN];
			char new_name[TCT_NAME_LEN];
		} slot;
		struct {
			u32 prog_id;
			u64 wants;
			u64 has;
			char prog_name[TCT_NAME_LEN];
			char field[TCT_NAME_LEN];
		} refusal;
	};
};

struct history {
	raw_spinlock_t lock;	/* for what follows */
	u64 written;
	unsigned int size;
	struct record *record;
	void (*show)(struct seq_file *m, const struct record *r);
};

static const char *const write_names[] = {
	[BPF_TAIL_CALL_SLOT_UPDATE]	= "update",
	[BPF_TAIL_CALL_SLOT_DELETE]	= "delete",
	[BPF_TAIL_CALL_SLOT_RELEASE]	= "release",
};

static_assert(ARRAY_SIZE(write_names) == BPF_TAIL_CALL_SLOT_RELEASE + 1);

static void show_prog(struct seq_file *m, u32 id, const char *name)
{
	if (id)
		seq_printf(m, "%u:%s", id, name);
	else
		seq_putc(m, '-');
}

static void show_slot(struct seq_file *m, const struct record *r)
{
	seq_printf(m, "map=%u index=%u old=", r->map_id, r->slot.index);
	show_prog(m, r->slot.old_id, r->slot.old_name);
	seq_puts(m, " new=");
	show_prog(m, r->slot.new_id, r->slot.new_name);
	seq_printf(m, " how=%s\n", write_names[r->slot.how]);
}

static void show_refusal(struct seq_file *m, const struct record *r)
{
	/* One that is just being loaded has no id so far, but a name. */
	seq_printf(m, "map=%u prog=%u:%s field=%s wants=%llu has=%llu\n",
		   r->map_id, r->refusal.prog_id, r->refusal.prog_name,
		   r->refusal.field, r->refusal.wants, r->refusal.has);
}

static struct history slots = {
	.lock	= __RAW_SPIN_LOCK_UNLOCKED(slots.lock),
	.size	= SLOT_RECORDS,
	.show	= show_slot,
};

static struct history refusals = {
	.lock	= __RAW_SPIN_LOCK_UNLOCKED(refusals.lock),
	.size	= REFUSAL_RECORDS,
	.show	= show_refusal,
};

/* Who and when; the record keeps its place as long as the lock is held. */
static struct record *record_begin(struct history *h, u32 map_id)
{
	struct record *r = &h->record[h->written & (h->size - 1)];

	memset(r, 0, sizeof(*r));
	r->time = trace_clock_local();
	r->cpu = raw_smp_processor_id();
	r->map_id = map_id;
	tct_fill_task(&r->task);
	h->written++;
	return r;
}

static void slot_probe(void *data, const struct bpf_tail_call_slot *ev)
{
	unsigned long flags;
	struct record *r;

	raw_spin_lock_irqsave(&slots.lock, flags);
	r = record_begin(&slots, ev->map_id);
	r->slot.index = ev->index;
	r->slot.old_id = ev->old_id;
	r->slot.new_id = ev->new_id;
	r->slot.how = ev->how;
	strscpy(r->slot.old_name, ev->old_name, TCT_NAME_LEN);
	strscpy(r->slot.new_name, ev->new_name, TCT_NAME_LEN);
	raw_spin_unlock_irqrestore(&slots.lock, flags);
}

static void refused_probe(void *data, const struct bpf_tail_call_refusal *ev)
{
	unsigned long flags;
	struct record *r;

	raw_spin_lock_irqsave(&refusals.lock, flags);
	r = record_begin(&refusals, ev->map_id);
	r->refusal.prog_id = ev->prog_id;
	r->refusal.wants = ev->wants;
	r->refusal.has = ev->has;
	strscpy(r->refusal.prog_name, ev->prog_name, TCT_NAME_LEN);
	strscpy(r->refusal.field, ev->field, TCT_NAME_LEN);
	raw_spin_unlock_irqrestore(&refusals.lock, flags);
}

/* What an open file has: the history, and the record that is to be shown. */
struct reader {
	struct history *history;
	struct record record;
};

/*
 * Position 0 is the head line, n is the n-th record that was ever written; those
 * that were overwritten are passed over.
 */
static void *history_at(struct seq_file *m, loff_t *pos)
{
	struct reader *reader = m->private;
	struct history *h = reader->history;
	u64 oldest;
	bool found;

	if (!*pos)
		return SEQ_START_TOKEN;
	raw_spin_lock_irq(&h->lock);
	oldest = h->written > h->size ? h->written - h->size : 0;
	if (*pos <= oldest)
		*pos = oldest + 1;
	found = *pos <= h->written;
	if (found)
		reader->record = h->record[(*pos - 1) & (h->size - 1)];
	raw_spin_unlock_irq(&h->lock);
	return found ? &reader->record : NULL;
}

static void *history_start(struct seq_file *m, loff_t *pos)
{
	return history_at(m, pos);
}

static void *history_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return history_at(m, pos);
}

static void history_stop(struct seq_file *m, void *v)
{
}

static int history_show(struct seq_file *m, void *v)
{
	struct reader *reader = m->private;
	struct history *h = reader->history;
	const struct record *r = v;
	char head[TCT_HEAD_LEN];
	u64 written;

	if (v == SEQ_START_TOKEN) {
		raw_spin_lock_irq(&h->lock);
		written = h->written;
		raw_spin_unlock_irq(&h->lock);
		seq_printf(m, "# written=%llu overwritten=%llu\n", written,
			   written > h->size ? written - h->size : 0);
		return 0;
	}
	tct_format_head(head, sizeof(head), &r->task, r->cpu, r->time);
	seq_puts(m, head);
	h->show(m, r);
	return 0;
}

static const struct seq_operations history_ops = {
	.start	= history_start,
	.next	= history_next,
	.stop	= history_stop,
	.show	= history_show,
};

static int history_open(struct inode *inode, struct file *file)
{
	struct reader *reader;

	reader = __seq_open_private(file, &history_ops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->history = inode->i_private;
	return 0;
}

static const struct file_operations history_fops = {
	.owner	 = THIS_MODULE,
	.open	 = history_open,
	.read	 = seq_read,
	.llseek	 = seq_lseek,
	.release = seq_release_private,
};

static void history_clear(struct history *h)
{
	raw_spin_lock_irq(&h->lock);
	h->written = 0;
	raw_spin_unlock_irq(&h->lock);
}

void tct_history_reset(void)
{
	history_clear(&slots);
	history_clear(&refusals);
}

static void history_free(void)
{
	kvfree(slots.record);
	kvfree(refusals.record);
	slots.record = NULL;
	refusals.record = NULL;
}

int tct_history_init(struct dentry *dir)
{
	int err = -ENOMEM;

	slots.record = kvcalloc(SLOT_RECORDS, sizeof(*slots.record), GFP_KERNEL);
	refusals.record = kvcalloc(REFUSAL_RECORDS, sizeof(*refusals.record),
				   GFP_KERNEL);
	if (!slots.record || !refusals.record)
		goto fail;
	err = register_trace_bpf_prog_array_slot(slot_probe, NULL);
	if (err)
		goto fail;
	err = register_trace_bpf_prog_array_refused(refused_probe, NULL);
	if (err) {
		unregister_trace_bpf_prog_array_slot(slot_probe, NULL);
		tracepoint_synchronize_unregister();
		goto fail;
	}
	debugfs_create_file("slots", 0400, dir, &slots, &history_fops);
	debugfs_create_file("refusals", 0400, dir, &refusals, &history_fops);
	return 0;
fail:
	history_free();
	return err;
}

void tct_history_exit(void)
{
	if (!slots.record)
		return;
	unregister_trace_bpf_prog_array_refused(refused_probe, NULL);
	unregister_trace_bpf_prog_array_slot(slot_probe, NULL);
	tracepoint_synchronize_unregister();
	history_free();
}
