/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Build, load and run BPF programs from a KUnit case.
 *
 * A program is put together function by function, from the kernel's own insn
 * macros. Loading goes through bpf(2)'s kernel entry, so the verifier, the JIT
 * and the link code see what they would see from user space.
 *
 * All programs here share a convention: skb->mark counts how often a main
 * program is entered, and a main program that finds more than TCALL_BOUND there
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
#define TCALL_BOUND	48

/* How many tail calls a run may make, and thus entries, the first included. */
#define TCALL_LIMIT	33
#define TCALL_ENTRIES	(1 + TCALL_LIMIT)

#define TCALL_MAX_INSNS	512
#define TCALL_MAX_FUNCS	8
#define TCALL_MAX_FDS	64

/* How a tail call names its slot. */
enum tcall_form {
	TCALL_DIRECT,	/* a constant: a jump that is patched when the slot changes */
	TCALL_INDIRECT,	/* a number known at run time: looked up in the array */
};

static inline const char *tcall_form_name(enum tcall_form form)
{
	return form == TCALL_DIRECT ? "direct" : "indirect";
}

enum tcall_linkage {
	TCALL_STATIC,
	TCALL_GLOBAL,
};

struct tcall_func {
	const char *name;
	enum tcall_linkage linkage;
	u32 start;
};

struct tcall_prog {
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
	/* With TCALL_ARG_TAGS: its functions say that what they take is the context,
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

	struct bpf_insn insn[TCALL_MAX_INSNS];
	u32 insn_cnt;
	struct tcall_func func[TCALL_MAX_FUNCS];
	u32 func_cnt;
};

/* Suites use these as .init and .exit: fds of a case are closed after it. */
int tcall_init(struct kunit *test);
void tcall_exit(struct kunit *test);

struct tcall_prog *tcall_prog_new(struct kunit *test, const char *name,
				  enum bpf_prog_type type);

/* Starts the next function; 0, the first, is the main program. */
int tcall_func_begin(struct tcall_prog *p, const char *name, enum tcall_linkage linkage);
/* The BTF id that a loaded program's function has. */
u32 tcall_func_btf_id(int func);

void tcall_emit(struct tcall_prog *p, struct bpf_insn insn);
/* Count this entry, and return 0 if there were more than TCALL_BOUND. */
void tcall_emit_main_entry(struct tcall_prog *p);
/* Keep the context, in R6. Every function but main starts with this. */
void tcall_emit_sub_entry(struct tcall_prog *p);
/* Call a helper, BPF_FUNC_... */
void tcall_emit_helper(struct tcall_prog *p, s32 helper);
/* Write to @bytes of stack, so that the frame has them. */
void tcall_emit_stack(struct tcall_prog *p, u32 bytes);
/* Write to R7, R8 and R9, so that the JIT saves all callee-saved registers. */
void tcall_emit_callee_regs(struct tcall_prog *p);
void tcall_emit_tail_call(struct tcall_prog *p, int array_fd, u32 slot,
			  enum tcall_form form);
/* Call function @func with the context. */
void tcall_emit_call(struct tcall_prog *p, int func);
void tcall_emit_return(struct tcall_prog *p, s32 value);

/* A program's fd, or a negative error. */
int tcall_load(struct tcall_prog *p);
/* The same, where failing is not what the case is about. */
int tcall_load_ok(struct tcall_prog *p);

/* All fds are closed after the case, unless tcall_close() did before. */
int tcall_prog_array(struct kunit *test, u32 slots);
int tcall_array(struct kunit *test, u32 entries);
int tcall_cgroup_storage(struct kunit *test, u32 value_size);
int tcall_cpumap(struct kunit *test);
int tcall_devmap(struct kunit *test);
int tcall_stack_trace(struct kunit *test);
#ifdef TCALL_ARENA
int tcall_arena(struct kunit *test);
#endif
/* Have packets for @cpu go through a program. */
int tcall_set_cpu(int cpumap_fd, u32 cpu, int prog_fd);
int tcall_set_slot(int array_fd, u32 slot, int prog_fd);
int tcall_clear_slot(int array_fd, u32 slot);
/* Attach an fentry, fexit or extension program to what it was loaded for. */
int tcall_attach(struct kunit *test, int prog_fd);
/* Attach an extension to another program than it was loaded for, or again. */
int tcall_attach_to(struct kunit *test, int prog_fd, int target_fd, u32 btf_id);
/* Close, and wait until what the close sets off has happened. */
void tcall_close(struct kunit *test, int fd);

/* Load a program for function @func of @target_fd that does nothing. */
int tcall_tracer_load(struct kunit *test, enum bpf_attach_type type, int target_fd,
		      int func);
/* The same, and attach it: the link. */
int tcall_tracer(struct kunit *test, enum bpf_attach_type type, int target_fd,
		 int func);

/* Run once. Returns how often main programs were entered. */
u32 tcall_run(struct kunit *test, int prog_fd);
/* The same, on a packet whose data is shared. Is the other one's as it was? */
u32 tcall_run_shared(struct kunit *test, int prog_fd, bool *kept);
bool tcall_blinded(struct kunit *test, int prog_fd, enum bpf_prog_type type);
bool tcall_jumps_to(struct kunit *test, int caller_fd, int callee_fd,
		    enum bpf_prog_type type);

/* The same in parts, for a thread that has no fds. */
struct tcall_runnable *tcall_runnable_get(struct kunit *test, int prog_fd);
u32 tcall_runnable_run(struct tcall_runnable *run);
#ifdef TCALL_ARENA
/* Run with @value in r12, which is for the caller. Returns what it has there then. */
unsigned long tcall_runnable_r12(struct tcall_runnable *run, unsigned long value);
#endif
void tcall_runnable_put(struct tcall_runnable *run);

/* A run of a program, as far as RCU can tell: it goes on for a while. */
struct tcall_reader {
	struct task_struct *task;
	struct completion entered;
	bool sleepable;
	bool left;
};

void tcall_reader_begin(struct kunit *test, struct tcall_reader *reader, bool sleepable);
void tcall_reader_end(struct tcall_reader *reader);
bool tcall_reader_running(const struct tcall_reader *reader);
/*
 * Does the attach of the extension that @load makes wait for those who run? It is tried
 * twice: a worker that holds the locks of those who write code makes it wait, too, if
 * the reader has taken its CPU.
 */
bool tcall_attach_waits(struct kunit *test, int (*load)(struct kunit *test));

#endif /* TAILCALL_KUNIT_PROG_H */
