/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Build, load and run BPF programs from a KUnit case.
 *
 * A program is put together function by function, from the kernel's own insn
 * macros. Loading goes through bpf(2)'s kernel entry, so the verifier, the JIT
 * and the link code see what they would see from user space.
 *
 * All programs here share a convention: skb->mark counts how often a main
 * program is entered, and a main program that finds more than TC_BOUND there
 * returns at once. So a run ends, and says how far it got, also on a kernel
 * whose limit does not hold.
 */
#ifndef TAILCALL_KUNIT_PROG_H
#define TAILCALL_KUNIT_PROG_H

#include <linux/bpf.h>
#include <linux/completion.h>
#include <linux/filter.h>
#include <kunit/test.h>

#include "compat.h"

/*
 * The most entries a run is allowed before its programs stop themselves, as in
 * kmod/selftests/bound.h, where BOUND says why.
 */
#define TC_BOUND	48

/* How many tail calls a run may make, and thus entries, the first included. */
#define TC_LIMIT	33
#define TC_ENTRIES	(1 + TC_LIMIT)

#define TC_MAX_INSNS	512
#define TC_MAX_FUNCS	8
#define TC_MAX_FDS	64

/* How a tail call names its slot. */
enum tc_form {
	TC_DIRECT,	/* a constant: a jump that is patched when the slot changes */
	TC_INDIRECT,	/* a number known at run time: looked up in the array */
};

static inline const char *tc_form_name(enum tc_form form)
{
	return form == TC_DIRECT ? "direct" : "indirect";
}

enum tc_linkage {
	TC_STATIC,
	TC_GLOBAL,
};

struct tc_func {
	const char *name;
	enum tc_linkage linkage;
	u32 start;
};

struct tc_prog {
	struct kunit *test;
	const char *name;
	enum bpf_prog_type type;
	enum bpf_attach_type attach_type;
	u32 flags;
	/* What an extension, fentry or fexit program is for. */
	int target_fd;
	u32 target_btf_id;
	/* The struct that its functions take; NULL for that of packets. */
	const char *ctx_name;
	/* With TC_ARG_TAGS: its functions say that what they take is the context,
	 * which has no type of its own in a syscall program.
	 */
	bool ctx_tag;
	/* Without BTF, as anybody may load it. It has one function. */
	bool plain;
	/* How many arguments its functions take, the context among them, and which that
	 * is, from 1 on; 0: nothing but the context.
	 */
	u8 args;
	u8 ctx_arg;

	struct bpf_insn insn[TC_MAX_INSNS];
	u32 insn_cnt;
	struct tc_func func[TC_MAX_FUNCS];
	u32 func_cnt;
};

/* Suites use these as .init and .exit: fds of a case are closed after it. */
int tc_init(struct kunit *test);
void tc_exit(struct kunit *test);

struct tc_prog *tc_prog_new(struct kunit *test, const char *name,
			    enum bpf_prog_type type);

/* Starts the next function; 0, the first, is the main program. */
int tc_func_begin(struct tc_prog *p, const char *name, enum tc_linkage linkage);
/* The BTF id that a loaded program's function has. */
u32 tc_func_btf_id(int func);

void tc_emit(struct tc_prog *p, struct bpf_insn insn);
/* Count this entry, and return 0 if there were more than TC_BOUND. */
void tc_emit_main_entry(struct tc_prog *p);
/* Keep the context, in R6. Every function but main starts with this. */
void tc_emit_sub_entry(struct tc_prog *p);
/* Write to @bytes of stack, so that the frame has them. */
void tc_emit_stack(struct tc_prog *p, u32 bytes);
/* Write to R7, R8 and R9, so that the JIT saves all callee-saved registers. */
void tc_emit_callee_regs(struct tc_prog *p);
void tc_emit_tail_call(struct tc_prog *p, int array_fd, u32 slot,
		       enum tc_form form);
/* Call function @func with the context. */
void tc_emit_call(struct tc_prog *p, int func);
void tc_emit_return(struct tc_prog *p, s32 value);

/* A program's fd, or a negative error. */
int tc_load(struct tc_prog *p);
/* The same, where failing is not what the case is about. */
int tc_load_ok(struct tc_prog *p);

/* All fds are closed after the case, unless tc_close() did before. */
int tc_prog_array(struct kunit *test, u32 slots);
int tc_array(struct kunit *test, u32 entries);
int tc_cgroup_storage(struct kunit *test, u32 value_size);
int tc_cpumap(struct kunit *test);
int tc_devmap(struct kunit *test);
int tc_stack_trace(struct kunit *test);
#ifdef TC_ARENA
int tc_arena(struct kunit *test);
#endif
/* Have packets for @cpu go through a program. */
int tc_set_cpu(int cpumap_fd, u32 cpu, int prog_fd);
int tc_set_slot(int array_fd, u32 slot, int prog_fd);
int tc_clear_slot(int array_fd, u32 slot);
/* Attach an fentry, fexit or extension program to what it was loaded for. */
int tc_attach(struct kunit *test, int prog_fd);
/* Attach an extension to another program than it was loaded for, or again. */
int tc_attach_to(struct kunit *test, int prog_fd, int target_fd, u32 btf_id);
/* Close, and wait until what the close sets off has happened. */
void tc_close(struct kunit *test, int fd);

/* Load a program for function @func of @target_fd that does nothing. */
int tc_tracer_load(struct kunit *test, enum bpf_attach_type type, int target_fd,
		   int func);
/* The same, and attach it: the link. */
int tc_tracer(struct kunit *test, enum bpf_attach_type type, int target_fd,
	      int func);

/* Run once. Returns how often main programs were entered. */
u32 tc_run(struct kunit *test, int prog_fd);
/* The same, on a packet whose data is shared. Is the other one's as it was? */
u32 tc_run_shared(struct kunit *test, int prog_fd, bool *kept);
bool tc_blinded(struct kunit *test, int prog_fd, enum bpf_prog_type type);
bool tc_jumps_to(struct kunit *test, int caller_fd, int callee_fd,
		 enum bpf_prog_type type);

/* The same in parts, for a thread that has no fds. */
struct tc_runnable *tc_runnable_get(struct kunit *test, int prog_fd);
u32 tc_runnable_run(struct tc_runnable *run);
#ifdef TC_ARENA
/* Run with @value in r12, which is for the caller. Returns what it has there then. */
unsigned long tc_runnable_r12(struct tc_runnable *run, unsigned long value);
#endif
void tc_runnable_put(struct tc_runnable *run);

/* A run of a program, as far as RCU can tell: it goes on for a while. */
struct tc_reader {
	struct task_struct *task;
	struct completion entered;
	bool sleepable;
	bool left;
};

void tc_reader_begin(struct kunit *test, struct tc_reader *reader, bool sleepable);
void tc_reader_end(struct tc_reader *reader);
bool tc_reader_running(const struct tc_reader *reader);
/*
 * Does the attach of the extension that @load makes wait for those who run? It is tried
 * twice: a worker that holds the locks of those who write code makes it wait, too, if
 * the reader has taken its CPU.
 */
bool tc_attach_waits(struct kunit *test, int (*load)(struct kunit *test));

#endif /* TAILCALL_KUNIT_PROG_H */
