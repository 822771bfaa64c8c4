/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _BPF_MAP_OWNER_H
#define _BPF_MAP_OWNER_H

#include <linux/bpf.h>

/* What a program is described by for those that it meets in a map. */
enum bpf_owner_field {
	BPF_OWNER_PROG_TYPE,
	BPF_OWNER_JITED,
	BPF_OWNER_XDP_HAS_FRAGS,
	BPF_OWNER_SLEEPABLE,
	BPF_OWNER_ATTACH_TYPE,
	BPF_OWNER_ATTACH_FUNC,
	BPF_OWNER_STORAGE_SHARED,
	BPF_OWNER_STORAGE_PERCPU,
	BPF_OWNER_FIELDS,	/* also: no field differs */
};

/* 'Ownership' of program-containing map is claimed by the first program
 * that is going to use this map or by the first program which FD is
 * stored in the map to make sure that all callers and callees fit each
 * other. This is the description of that program.
 */
struct bpf_map_owner {
	u64 value[BPF_OWNER_FIELDS];
};

bool bpf_prog_map_usable(struct bpf_map *map, const struct bpf_prog *fp);
void bpf_map_owner_free(struct bpf_map *map);

#endif
