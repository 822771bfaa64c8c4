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

#define SLOT_RECORDS	1024
#define REFUSAL_RECORDS	256

/* One slot that is written all the time does not push out what is known of others. */
#define RECORDS_PER_SLOT	64

struct record {
	u64 number;	/* 0: not used */
	u64 time;
	struct tct_task task;
	int cpu;
	u32 map_id;
	char map_name[BPF_OBJ_NAME_LEN];
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
			char prog_name[TCT_NAME_LEN];
			char field[TCT_NAME_LEN];
			char wants[TCT_NAME_LEN];
			char has[TCT_NAME_LEN];
		} refusal;
	};
};

struct history {
	raw_spinlock_t lock;	/* for what follows */
	u64 written;
	u64 cleared;	/* of these */
	unsigned int kept;
	unsigned int size;
	struct record *record;
	void (*show)(struct seq_file *m, const struct record *r);
};

static const char *const write_names[] = {
	[BPF_TAIL_CALL_SLOT_UPDATE]	= "update",
	[BPF_TAIL_CALL_SLOT_DELETE]	= "delete",
	[BPF_TAIL_CALL_SLOT_RELEASE]	= "release",
	[BPF_TAIL_CALL_SLOT_LET_GO]	= "let_go",
};

static_assert(ARRAY_SIZE(write_names) == BPF_TAIL_CALL_SLOT_LET_GO + 1);

static void show_prog(struct seq_file *m, u32 id, const char *name)
{
	if (id)
		seq_printf(m, "%u:%s", id, name);
	else
		seq_putc(m, '-');
}

static void show_slot(struct seq_file *m, const struct record *r)
{
	seq_printf(m, "map=%u:%s ", r->map_id, r->map_name);
	if (r->slot.how == BPF_TAIL_CALL_SLOT_LET_GO) {
		seq_puts(m, "index=* how=let_go\n");
		return;
	}
	seq_printf(m, "index=%u old=", r->slot.index);
	show_prog(m, r->slot.old_id, r->slot.old_name);
	seq_puts(m, " new=");
	show_prog(m, r->slot.new_id, r->slot.new_name);
	seq_printf(m, " how=%s\n", write_names[r->slot.how]);
}

static void show_refusal(struct seq_file *m, const struct record *r)
{
	/* One that is just being loaded has no id so far, but a name. */
	seq_printf(m, "map=%u:%s prog=%u:%s field=%s wants=%s has=%s\n",
		   r->map_id, r->map_name, r->refusal.prog_id, r->refusal.prog_name,
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

/*
 * Who and when, in the place of the oldest record, or of the oldest of this slot if
 * it has enough. It keeps its place as long as the lock is held.
 */
static struct record *record_begin(struct history *h, const struct bpf_map *map,
				   const u32 *index)
{
	struct record *r, *oldest = NULL, *same = NULL;
	unsigned int count = 0;

	for (r = h->record; r < h->record + h->size; r++) {
		if (!oldest || r->number < oldest->number)
			oldest = r;
		if (!index || !r->number || r->map_id != map->id ||
		    r->slot.index != *index)
			continue;
		count++;
		if (!same || r->number < same->number)
			same = r;
	}
	r = count < RECORDS_PER_SLOT ? oldest : same;
	h->kept += !r->number;
	memset(r, 0, sizeof(*r));
	r->number = ++h->written;
	r->time = trace_clock_local();
	r->cpu = raw_smp_processor_id();
	r->map_id = map->id;
	strscpy(r->map_name, map->name, sizeof(r->map_name));
	tct_fill_task(&r->task);
	return r;
}

static u32 id_of(const struct bpf_prog *prog)
{
	return prog ? prog->aux->id : 0;
}

static void slot_probe(void *data, const struct bpf_map *map, u32 index,
		       const struct bpf_prog *old, const struct bpf_prog *new, u32 how)
{
	unsigned long flags;
	struct record *r;

	raw_spin_lock_irqsave(&slots.lock, flags);
	r = record_begin(&slots, map, &index);
	r->slot.index = index;
	r->slot.old_id = id_of(old);
	r->slot.new_id = id_of(new);
	r->slot.how = how;
	strscpy(r->slot.old_name, bpf_tail_call_prog_name(old), TCT_NAME_LEN);
	strscpy(r->slot.new_name, bpf_tail_call_prog_name(new), TCT_NAME_LEN);
	raw_spin_unlock_irqrestore(&slots.lock, flags);
}

static void refused_probe(void *data, const struct bpf_map *map,
			  const struct bpf_prog *prog, const char *field,
			  const char *wants, const char *has)
{
	unsigned long flags;
	struct record *r;

	raw_spin_lock_irqsave(&refusals.lock, flags);
	r = record_begin(&refusals, map, NULL);
	r->refusal.prog_id = prog->aux->id;
	strscpy(r->refusal.prog_name, bpf_tail_call_prog_name(prog), TCT_NAME_LEN);
	strscpy(r->refusal.field, field, TCT_NAME_LEN);
	strscpy(r->refusal.wants, wants, TCT_NAME_LEN);
	strscpy(r->refusal.has, has, TCT_NAME_LEN);
	raw_spin_unlock_irqrestore(&refusals.lock, flags);
}

/* What an open file has: the history, and the record that is to be shown. */
struct reader {
	struct history *history;
	struct record record;
};

/*
 * Position 0 is the head line, n is the n-th record that was ever written; those
 * that are gone are passed over.
 */
static void *history_at(struct seq_file *m, loff_t *pos)
{
	struct reader *reader = m->private;
	struct history *h = reader->history;
	const struct record *r, *found = NULL;

	if (!*pos)
		return SEQ_START_TOKEN;
	raw_spin_lock_irq(&h->lock);
	for (r = h->record; r < h->record + h->size; r++)
		if (r->number >= *pos && (!found || r->number < found->number))
			found = r;
	if (found) {
		*pos = found->number;
		reader->record = *found;
	}
	raw_spin_unlock_irq(&h->lock);
	return found ? &reader->record : NULL;
}

static void *history_start(struct seq_file *m, loff_t *pos)
{
	int err = tct_may_look();

	if (err)
		return ERR_PTR(err);
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
	u64 written, overwritten;

	if (v == SEQ_START_TOKEN) {
		raw_spin_lock_irq(&h->lock);
		written = h->written - h->cleared;
		overwritten = written - h->kept;
		raw_spin_unlock_irq(&h->lock);
		seq_printf(m, "# written=%llu overwritten=%llu\n", written,
			   overwritten);
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

static void history_clear(struct history *h)
{
	raw_spin_lock_irq(&h->lock);
	memset(h->record, 0, h->size * sizeof(*h->record));
	h->cleared = h->written;
	h->kept = 0;
	raw_spin_unlock_irq(&h->lock);
}

static int history_open(struct inode *inode, struct file *file)
{
	struct reader *reader;
	int err;

	err = tct_may_look();
	if (err)
		return err;
	/* As in ftrace's files, ">slots" forgets. */
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC))
		history_clear(inode->i_private);
	reader = __seq_open_private(file, &history_ops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->history = inode->i_private;
	return 0;
}

/* What is written goes nowhere, so that "echo >slots" is no error. */
static ssize_t history_write(struct file *file, const char __user *from, size_t count,
			     loff_t *pos)
{
	return count;
}

static const struct file_operations history_fops = {
	.owner	 = THIS_MODULE,
	.open	 = history_open,
	.read	 = seq_read,
	.write	 = history_write,
	.llseek	 = seq_lseek,
	.release = seq_release_private,
};

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
	debugfs_create_file("slots", 0600, dir, &slots, &history_fops);
	debugfs_create_file("refusals", 0600, dir, &refusals, &history_fops);
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
