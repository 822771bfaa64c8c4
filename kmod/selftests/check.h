/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the probes of tailcall_check share.
 *
 * A probe is a function that returns a verdict; a struct bug says which bug of
 * the family it asks for. Each probe_*.c file adds its own records, so a new probe
 * is a new record there, and a new topic a new file.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdlib.h>

#include <linux/bpf.h>
#include <linux/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum state {
	FIXED,
	OPEN,
	NOT_APPLICABLE,
	CANNOT_TELL,
};

/* A verdict and what it rests on. */
struct verdict {
	enum state state;
	char why[160];
};

struct verdict __attribute__((format(printf, 2, 3)))
verdict(enum state state, const char *fmt, ...);

struct bug {
	const char *id;		/* as in patches/expect/bugs */
	const char *title;
	const char *effect;	/* what it means for the user of the kernel */
	const char *upstream;	/* the commit or release that fixes it */
	const char *how;	/* how the probe works and why it is safe */
	struct verdict (*probe)(void);
};

/*
 * Add the records of a file to the family. Each file calls it from a
 * constructor, so main() knows them all without a list of files.
 */
#define __probes __attribute__((constructor))
void add_bugs(const struct bug *records, size_t count);

/*
 * Run a networking program once on an empty packet: 0 or a negative error. Only
 * for programs that end by themselves on a kernel that has the bug.
 */
int run_once(int prog_fd);

/*
 * Keep a descriptor until the probe is done() with its verdict: the descriptor, or a
 * negative error. Takes what a call of libbpf has returned, and errno.
 */
int keep(int fd);
struct verdict done(struct verdict v);

/* A map with one entry (cgroup storages have none), kept. */
int make_map(enum bpf_map_type type, int key, int value);

/* Offer a program to slot 0 of a prog_array: 0 or an error; 0 is undone. */
int offer(int map_fd, int prog_fd);

/* The same, and the program stays there. */
int put(int map_fd, int prog_fd);

/*
 * Of an object that is open, load no other programs than these; @second may be
 * NULL.
 */
struct bpf_object;
void choose_programs(struct bpf_object *obj, const char *first,
		     const char *second);

/*
 * Load one program of an object, as NAME_bpf__elf_bytes() of a skeleton has it,
 * and drop it again: 0 or a negative error. For programs that are never run.
 */
int try_load(const void *elf, size_t size, const char *name);

/* What it means if the verifier accepts a program that has the bug, or refuses it. */
struct verdict from_load(int err, const char *what);

#endif /* CHECK_H */
