// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which programs can meet in a map that contains programs.
 *
 * A tail callee runs in the place of its caller, with what the caller was
 * given. All that the two have to agree on is a field of one description,
 * which is compared in one function.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/bpf-cgroup.h>
#include <linux/slab.h>

#include "map_owner.h"

static u64 bpf_owner_storage(const struct bpf_prog *fp,
			     enum bpf_cgroup_storage_type stype)
{
	const struct bpf_map *storage = fp->aux->cgroup_storage[stype];

	return storage ? storage->cookie : 0;
}

static u64 bpf_owner_attach_func(const struct bpf_prog *fp)
{
	switch (resolve_prog_type(fp)) {
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
	case BPF_PROG_TYPE_EXT:
	case BPF_PROG_TYPE_STRUCT_OPS:
		return (unsigned long)fp->aux->attach_func_proto;
	default:
		/* The type alone tells what the context is. */
		return 0;
	}
}

static u64 bpf_owner_value(const struct bpf_prog *fp,
			   enum bpf_owner_field field)
{
	switch (field) {
	case BPF_OWNER_PROG_TYPE:
		return resolve_prog_type(fp);
	case BPF_OWNER_JITED:
		return fp->jited;
	case BPF_OWNER_XDP_HAS_FRAGS:
		return fp->aux->xdp_has_frags;
	case BPF_OWNER_SLEEPABLE:
		return fp->sleepable;
	case BPF_OWNER_ATTACH_TYPE:
		return fp->expected_attach_type;
	case BPF_OWNER_ATTACH_FUNC:
		return bpf_owner_attach_func(fp);
	case BPF_OWNER_STORAGE_SHARED:
		return bpf_owner_storage(fp, BPF_CGROUP_STORAGE_SHARED);
	case BPF_OWNER_STORAGE_PERCPU:
		return bpf_owner_storage(fp, BPF_CGROUP_STORAGE_PERCPU);
	default:
		return 0;
	}
}

/* The first field in which a program does not fit the owner of a map. */
static enum bpf_owner_field bpf_map_owner_mismatch(const struct bpf_map *map,
						   const struct bpf_prog *fp)
{
	enum bpf_owner_field field;
	u64 value;

	for (field = 0; field < BPF_OWNER_FIELDS; field++) {
		value = bpf_owner_value(fp, field);
		if (map->owner->value[field] == value)
			continue;
		switch (field) {
		case BPF_OWNER_ATTACH_TYPE:
			/* No tail calls, but programs that run alone. */
			if (map->map_type != BPF_MAP_TYPE_PROG_ARRAY)
				continue;
			break;
		case BPF_OWNER_STORAGE_SHARED:
		case BPF_OWNER_STORAGE_PERCPU:
			/* A leaf that uses no storage fits any. */
			if (!value && !fp->aux->tail_call_reachable)
				continue;
			break;
		default:
			break;
		}
		break;
	}
	return field;
}

static struct bpf_map_owner *bpf_map_owner_alloc(const struct bpf_prog *fp)
{
	struct bpf_map_owner *owner = kzalloc_obj(*owner, GFP_ATOMIC);
	enum bpf_owner_field field;

	if (!owner)
		return NULL;
	for (field = 0; field < BPF_OWNER_FIELDS; field++)
		owner->value[field] = bpf_owner_value(fp, field);
	return owner;
}

void bpf_map_owner_free(struct bpf_map *map)
{
	kfree(map->owner);
}

static bool bpf_map_owner_admits(struct bpf_map *map, const struct bpf_prog *fp)
{
	if (fp->kprobe_override)
		return false;
	/* There's no owner yet where we could check for compatibility. */
	if (!map->owner) {
		map->owner = bpf_map_owner_alloc(fp);
		return map->owner;
	}
	return bpf_map_owner_mismatch(map, fp) == BPF_OWNER_FIELDS;
}

/* Can the program be put into the map? */
bool bpf_prog_map_compatible(struct bpf_map *map, const struct bpf_prog *fp)
{
	bool ret;

	/* XDP programs inserted into maps are not guaranteed to run on
	 * a particular netdev (and can run outside driver context entirely
	 * in the case of devmap and cpumap). Until device checks
	 * are implemented, prohibit adding dev-bound programs to program maps.
	 */
	if (bpf_prog_is_dev_bound(fp->aux))
		return false;

	spin_lock(&map->owner_lock);
	ret = bpf_map_owner_admits(map, fp);
	spin_unlock(&map->owner_lock);
	return ret;
}

/* Can the program use the map, to call what is in it? */
bool bpf_prog_map_usable(struct bpf_map *map, const struct bpf_prog *fp)
{
	bool ret;

	spin_lock(&map->owner_lock);
	ret = bpf_map_owner_admits(map, fp);
	spin_unlock(&map->owner_lock);
	return ret;
}
