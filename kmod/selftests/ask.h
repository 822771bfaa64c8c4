/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs for the probes of prog_arrays. They are made of single insns, since each
 * differs from the next in one point.
 */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/types.h>

/* What a program does, and where it belongs; 0 is none. */
struct ask {
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *func;	/* the kernel's function that it is attached to */
	__u32 flags;
	int ret;
	int ctx;		/* bytes of the context that it reads */
	int beyond;		/* the map for what lies behind two words of it */
	int buffer;		/* where the context has a pointer to a buffer */
	int bytes;		/* bytes of that buffer that it reads */
	bool write;		/* writes its context */
	int storage;		/* the cgroup storage that it uses */
	int ip;			/* the map that it stores the function's address in */
	int cookie;		/* the map for where the session cookie lies */
	int jump;		/* the prog_array that it tail calls slot 0 of */
	bool path;		/* asks for the path that its first argument is */
};

/* Load what is asked for: a descriptor or a negative error. */
int load_asked(struct ask ask);
struct ask with_jump(struct ask ask, int map_fd);
struct ask with_storage(struct ask ask, int map_fd);

/* With one slot, kept. */
int make_prog_array(void);
/* Why a prog_array refused a program, where the kernel tells it; or "". */
const char *refused(int map_fd);

#endif /* ASK_H */
