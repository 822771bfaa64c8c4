// SPDX-License-Identifier: GPL-2.0
/*
 * What comes in the middle of a run: a timer's callback, which keeps values as the
 * functions of a set do and begins anew, and a program on the clock's interrupt that
 * makes all the tail calls it may. Neither may change the run that it interrupts, and
 * each must be right itself.
 *
 * A timer waits where a test run holds back soft interrupts, as it does for packets
 * since 6.11; the clock does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fuzz_code.h"

#define TIMER_NS	100000
#define CLOCK_NS	200000
/* Where programs of the clock stop themselves on a kernel that does not count. */
#define NESTED_MAX	48

#define STORE_ZERO(s, o)	INSN(BPF_ST | BPF_MEM | BPF_DW, s, 0, o, 0)

static int map_fd = -1, slots_fd = -1, timer_fd = -1, clock_fd = -1;
static int nested_fd[2] = { -1, -1 };

static int load(struct code *c, int type, const int *starts, int funcs)
{
	struct bpf_func_info info[MAX_FUNCS];
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .prog_btf_fd = btf_fd,
		    .func_info = info,
		    .func_info_cnt = funcs,
		    .func_info_rec_size = sizeof(info[0]));
	int i;

	for (i = 0; i < funcs; i++)
		info[i] = (struct bpf_func_info){ starts[i], plain_id(i) };
	return bpf_prog_load(type, "fuzz_interrupt", "GPL", c->insn, c->count, &opts);
}

/* .field += 1, with R1 as the address of what is shared; R2 is lost. */
static void emit_count(struct code *c, int offset)
{
	emit(c, LOAD(BPF_REG_2, BPF_REG_1, offset));
	emit(c, ALU_IMM(BPF_ADD, BPF_REG_2, 1));
	emit(c, STORE_REG(BPF_REG_1, BPF_REG_2, offset));
}

static void emit_return_zero(struct code *c)
{
	emit(c, MOV_IMM(BPF_REG_0, 0));
	emit(c, EXIT());
}

/* ---- a timer --------------------------------------------------------------------- */

/* It keeps what no constant is in all registers and on the stack. */
static void emit_callback(struct code *c, int stack)
{
	int reg, jump, jumps[4];

	emit(c, MOV_REG(BPF_REG_6, BPF_REG_3));
	emit_shared(c, BPF_REG_1);
	emit(c, LOAD(BPF_REG_0, BPF_REG_1, OFF(stopped)));
	for (reg = BPF_REG_7; reg <= BPF_REG_9; reg++) {
		emit(c, MOV_REG(reg, BPF_REG_0));
		emit(c, ALU_IMM(BPF_ADD, reg, reg));
	}
	emit(c, STORE_REG(BPF_REG_10, BPF_REG_7, -8 - stack));
	emit(c, CALL_INSN(BPF_PSEUDO_CALL, 0));
	to_label(c, FUNC_LABEL + 2);
	emit_shared(c, BPF_REG_1);
	emit(c, LOAD(BPF_REG_0, BPF_REG_1, OFF(stopped)));
	emit(c, LOAD(BPF_REG_2, BPF_REG_10, -8 - stack));
	emit(c, ALU_IMM(BPF_SUB, BPF_REG_2, BPF_REG_7));
	for (reg = BPF_REG_7; reg <= BPF_REG_9; reg++)
		emit(c, ALU_IMM(BPF_SUB, reg, reg));
	for (reg = BPF_REG_7; reg <= BPF_REG_9; reg++) {
		jumps[reg - BPF_REG_7] = c->count;
		emit(c, JUMP_REG(BPF_JNE, reg, BPF_REG_0, 0));
	}
	jumps[3] = c->count;
	emit(c, JUMP_REG(BPF_JNE, BPF_REG_2, BPF_REG_0, 0));
	emit(c, INSN(BPF_JMP | BPF_JA, 0, 0, 3, 0));
	for (reg = 0; reg < 4; reg++)
		c->insn[jumps[reg]].off = c->count - jumps[reg] - 1;
	emit_count(c, OFF(wrong_ticks));
	emit_count(c, OFF(ticks));
	emit(c, LOAD(BPF_REG_2, BPF_REG_1, OFF(ticking)));
	jump = c->count;
	emit(c, JUMP_IMM(BPF_JEQ, BPF_REG_2, 0, 0));
	emit(c, MOV_REG(BPF_REG_1, BPF_REG_6));
	emit(c, MOV_IMM(BPF_REG_2, TIMER_NS));
	emit(c, MOV_IMM(BPF_REG_3, 0));
	emit(c, CALL_INSN(0, BPF_FUNC_timer_start));
	c->insn[jump].off = c->count - jump - 1;
	emit_return_zero(c);
}

/* The main function begins it, the callback goes on, and calls a third one. */
static int load_timer(int stack)
{
	static struct code c;
	int starts[3] = {}, jump;

	c.count = 0;
	c.fixups = 0;
	emit(&c, STORE_IMM(BPF_REG_10, -8, 0));
	emit_imm64(&c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (__u32)map_fd);
	emit(&c, MOV_REG(BPF_REG_2, BPF_REG_10));
	emit(&c, ALU_IMM(BPF_ADD, BPF_REG_2, -8));
	emit(&c, CALL_INSN(0, BPF_FUNC_map_lookup_elem));
	jump = c.count;
	emit(&c, JUMP_IMM(BPF_JEQ, BPF_REG_0, 0, 0));
	emit(&c, MOV_REG(BPF_REG_6, BPF_REG_0));
	emit(&c, MOV_REG(BPF_REG_1, BPF_REG_6));
	emit_imm64(&c, BPF_REG_2, BPF_PSEUDO_MAP_FD, (__u32)map_fd);
	emit(&c, MOV_IMM(BPF_REG_3, 1 /* CLOCK_MONOTONIC */));
	emit(&c, CALL_INSN(0, BPF_FUNC_timer_init));
	emit(&c, MOV_REG(BPF_REG_1, BPF_REG_6));
	emit_func_address(&c, BPF_REG_2, 1);
	emit(&c, CALL_INSN(0, BPF_FUNC_timer_set_callback));
	emit(&c, MOV_REG(BPF_REG_1, BPF_REG_6));
	emit(&c, MOV_IMM(BPF_REG_2, TIMER_NS));
	emit(&c, MOV_IMM(BPF_REG_3, 0));
	emit(&c, CALL_INSN(0, BPF_FUNC_timer_start));
	emit(&c, EXIT());
	c.insn[jump].off = c.count - jump - 1;
	emit(&c, MOV_IMM(BPF_REG_0, -1));
	emit(&c, EXIT());

	place(&c, FUNC_LABEL + 1);
	starts[1] = c.count;
	emit_callback(&c, stack);

	place(&c, FUNC_LABEL + 2);
	starts[2] = c.count;
	for (jump = BPF_REG_6; jump <= BPF_REG_9; jump++)
		emit(&c, MOV_IMM(jump, -jump));
	emit(&c, STORE_IMM(BPF_REG_10, -16, 1));
	emit_return_zero(&c);
	return load(&c, BPF_PROG_TYPE_SCHED_CLS, starts, 3);
}

static int make_timer_map(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .btf_fd = btf_fd,
		    .btf_key_type_id = timer_key_id,
		    .btf_value_type_id = timer_value_id);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "fuzz_timer", 4, 16, 1, &opts);
}

static bool begin_timer(int stack)
{
	static char packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		    .data_in = packet,
		    .data_size_in = sizeof(packet),
		    .repeat = 1);

	map_fd = make_timer_map();
	if (map_fd < 0)
		stop(4, "cannot make a map for a timer: %s", strerror(errno));
	timer_fd = load_timer(stack);
	if (timer_fd < 0) {
		refuse("a timer: %s", strerror(errno));
		return false;
	}
	shared->ticking = 1;
	if (bpf_prog_test_run_opts(timer_fd, &opts) || opts.retval)
		stop(4, "a timer does not begin: %d", (int)opts.retval);
	return true;
}

/* ---- runs on the clock's interrupt ------------------------------------------------ */

static void emit_tail(struct code *c)
{
	emit_imm64(c, BPF_REG_2, BPF_PSEUDO_MAP_FD, (__u32)slots_fd);
	emit(c, MOV_IMM(BPF_REG_3, 0));
	emit(c, CALL_INSN(0, BPF_FUNC_tail_call));
	emit_return_zero(c);
}

/*
 * Both call a subprogram that tail calls the second one. The first one, which the
 * interrupt enters, says how often.
 */
static int load_nested(bool first)
{
	static struct code c;
	int starts[2] = {}, jump[2];

	c.count = 0;
	c.fixups = 0;
	emit(&c, MOV_REG(BPF_REG_6, BPF_REG_1));
	emit_shared(&c, BPF_REG_1);
	emit(&c, LOAD(BPF_REG_7, BPF_REG_1, OFF(base)));
	if (first) {
		emit(&c, STORE_ZERO(BPF_REG_1, OFF(nested_entries)));
	} else {
		emit_count(&c, OFF(nested_entries));
		jump[0] = c.count;
		emit(&c, JUMP_IMM(BPF_JGT, BPF_REG_2, NESTED_MAX, 0));
	}
	emit(&c, MOV_REG(BPF_REG_1, BPF_REG_6));
	emit(&c, CALL_INSN(BPF_PSEUDO_CALL, 0));
	to_label(&c, FUNC_LABEL + 1);
	if (first) {
		emit_shared(&c, BPF_REG_1);
		emit_count(&c, OFF(nested));
		emit(&c, LOAD(BPF_REG_3, BPF_REG_1, OFF(nested_entries)));
		emit(&c, LOAD(BPF_REG_4, BPF_REG_1, OFF(base)));
		jump[0] = c.count;
		emit(&c, JUMP_IMM(BPF_JNE, BPF_REG_3, LIMIT, 0));
		jump[1] = c.count;
		emit(&c, JUMP_REG(BPF_JEQ, BPF_REG_4, BPF_REG_7, 0));
		c.insn[jump[0]].off = c.count - jump[0] - 1;
		emit_count(&c, OFF(wrong_nested));
		emit(&c, STORE_REG(BPF_REG_1, BPF_REG_3, OFF(seen_entries)));
		c.insn[jump[1]].off = c.count - jump[1] - 1;
	} else {
		c.insn[jump[0]].off = c.count - jump[0] - 1;
	}
	emit_return_zero(&c);

	place(&c, FUNC_LABEL + 1);
	starts[1] = c.count;
	emit_tail(&c);
	return load(&c, BPF_PROG_TYPE_PERF_EVENT, starts, 2);
}

/* Once for all sets; false if this kernel does not have them so. */
static bool make_nested(void)
{
	__u32 slot = 0;
	int i;

	slots_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "fuzz_nested", 4, 4, 1, NULL);
	if (slots_fd < 0)
		stop(4, "cannot make a prog_array: %s", strerror(errno));
	for (i = 0; i < 2; i++)
		nested_fd[i] = load_nested(!i);
	return nested_fd[0] >= 0 && nested_fd[1] >= 0 &&
	       !bpf_map_update_elem(slots_fd, &slot, &nested_fd[1], BPF_ANY);
}

static bool open_clock(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = CLOCK_NS,
	};

	clock_fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return clock_fd >= 0 && !ioctl(clock_fd, PERF_EVENT_IOC_SET_BPF, nested_fd[0]);
}

static bool begin_nested(void)
{
	if (open_clock())
		return true;
	refuse("a program on the clock: %s", strerror(errno));
	return false;
}

void find_interrupts(void)
{
	map_fd = make_timer_map();
	timer_fd = map_fd < 0 ? -1 : load_timer(0);
	kernel.has_timer = timer_fd >= 0;
	kernel.has_nested = make_nested() && open_clock();
	leave_alone();
}

bool interrupt(const struct set *set)
{
	shared->ticks = 0;
	shared->wrong_ticks = 0;
	shared->nested = 0;
	shared->wrong_nested = 0;
	shared->stopped = STOPPED;
	return (!set->timer || begin_timer(set->timer_stack)) &&
	       (!set->nested || begin_nested());
}

bool interrupts_fit(struct difference *diff)
{
	if (shared->wrong_nested)
		snprintf(diff->what, sizeof(diff->what),
			 "a run in an interrupt makes %llu tail calls", shared->seen_entries);
	else if (shared->wrong_ticks)
		snprintf(diff->what, sizeof(diff->what), "a timer's callback has lost a value");
	else
		return true;
	diff->found = true;
	return false;
}

/* Who closes the map stops its timer. */
void leave_alone(void)
{
	int *const fd[] = { &clock_fd, &timer_fd, &map_fd };
	size_t i;

	shared->ticking = 0;
	totals.ticks += shared->ticks;
	totals.nested += shared->nested;
	shared->ticks = 0;
	shared->nested = 0;
	for (i = 0; i < ARRAY_SIZE(fd); i++) {
		if (*fd[i] >= 0)
			close(*fd[i]);
		*fd[i] = -1;
	}
}
