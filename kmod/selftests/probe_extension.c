// SPDX-License-Identifier: GPL-2.0
/* Extensions and prog_arrays: programs that are only offered to a prog_array. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "check.h"
#include "extension.skel.h"
#include "extension_target.skel.h"

struct extended {
	struct extension_target_bpf *target;
	struct extension_bpf *ext;
	struct bpf_link *first;
	struct bpf_link *second;
};

static void extended_put(struct extended *e)
{
	bpf_link__destroy(e->first);
	bpf_link__destroy(e->second);
	extension_bpf__destroy(e->ext);
	extension_target_bpf__destroy(e->target);
}

/* Load the target and its two extensions; attach none of them. */
static bool extended_get(struct extended *e, struct verdict *why)
{
	int fd, err;

	memset(e, 0, sizeof(*e));
	e->target = extension_target_bpf__open_and_load();
	if (!e->target) {
		*why = verdict(CANNOT_TELL, "loading the target: %s",
			       strerror(errno));
		return false;
	}
	fd = bpf_program__fd(e->target->progs.target);
	e->ext = extension_bpf__open();
	if (!e->ext) {
		*why = verdict(CANNOT_TELL, "opening the extensions: %s",
			       strerror(errno));
		return false;
	}
	err = bpf_program__set_attach_target(e->ext->progs.first_ext, fd,
					     "first");
	if (!err)
		err = bpf_program__set_attach_target(e->ext->progs.second_ext,
						     fd, "second");
	if (!err)
		err = extension_bpf__load(e->ext);
	if (err) {
		*why = verdict(CANNOT_TELL, "loading the extensions: %s",
			       strerror(-err));
		return false;
	}
	return true;
}

static struct verdict probe_extension_in_array(void)
{
	struct extended e;
	struct verdict v;
	int err;

	if (!extended_get(&e, &v))
		goto out;
	/*
	 * Not attached, since offering an attached one is what bug 5 panics
	 * on. An extension's saved type makes no difference here.
	 */
	err = offer(bpf_map__fd(e.ext->maps.jump),
		    bpf_program__fd(e.ext->progs.first_ext));
	if (!err)
		v = verdict(OPEN, "a prog_array takes an extension");
	else if (err == -EINVAL)
		v = verdict(FIXED, "a prog_array refuses an extension");
	else
		v = verdict(CANNOT_TELL, "offering an extension: %s",
			    strerror(-err));
out:
	extended_put(&e);
	return v;
}

/*
 * Bug 5 is a NULL dereference when an attached extension is offered: the
 * program that it extends is looked up for its type, and is no longer there. So
 * none is offered; that the lookup is not reached shows with one that is not
 * attached, whose lookup works on every kernel.
 */
static struct verdict probe_attached_in_array(void)
{
	struct extended e;
	struct verdict v;
	int own, map, err;

	if (!extended_get(&e, &v))
		goto out;
	own = offer(bpf_map__fd(e.ext->maps.jump),
		    bpf_program__fd(e.ext->progs.first_ext));

	/* An array of the type that is extended: its first program decides. */
	map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, NULL, 4, 4, 1, NULL);
	err = map < 0 ? -errno :
	      offer(map, bpf_program__fd(e.target->progs.target));
	if (err) {
		v = verdict(CANNOT_TELL, "making a prog_array: %s",
			    strerror(-err));
		goto out_map;
	}
	err = offer(map, bpf_program__fd(e.ext->progs.first_ext));
	if (!err)
		v = verdict(CANNOT_TELL,
			    "extensions are taken, and offering an attached one could panic");
	else if (err != -EINVAL)
		v = verdict(CANNOT_TELL, "offering an extension: %s",
			    strerror(-err));
	else if (own)
		v = verdict(FIXED, "extensions are refused before their type is looked up");
	else
		v = verdict(NOT_APPLICABLE,
			    "an extension's type is not looked up here");
out_map:
	if (map >= 0)
		close(map);
out:
	extended_put(&e);
	return v;
}

static struct verdict probe_extended(bool detach_one)
{
	struct extended e;
	struct verdict v;
	int err;

	if (!extended_get(&e, &v))
		goto out;
	e.first = bpf_program__attach_freplace(e.ext->progs.first_ext, 0, NULL);
	if (e.first && detach_one) {
		e.second = bpf_program__attach_freplace(e.ext->progs.second_ext,
							0, NULL);
		if (!e.second)
			goto no_attach;
		err = bpf_link__destroy(e.second);
		e.second = NULL;
		if (err) {
			v = verdict(CANNOT_TELL, "detaching an extension: %s",
				    strerror(-err));
			goto out;
		}
	}
	if (!e.first) {
no_attach:
		v = verdict(CANNOT_TELL, "attaching an extension: %s",
			    strerror(errno));
		goto out;
	}
	err = offer(bpf_map__fd(e.ext->maps.jump),
		    bpf_program__fd(e.target->progs.target));
	if (!err)
		v = verdict(OPEN, "a prog_array takes a program that is extended%s",
			    detach_one ? ", once another extension is gone" :
					 "");
	else if (err == -EBUSY)
		v = verdict(FIXED, "a prog_array refuses a program that is extended");
	else if (err == -EINVAL)
		v = verdict(NOT_APPLICABLE,
			    "an extension's prog_array takes no other programs");
	else
		v = verdict(CANNOT_TELL, "offering the program: %s",
			    strerror(-err));
out:
	extended_put(&e);
	return v;
}

static struct verdict probe_extended_one(void)
{
	return probe_extended(false);
}

static struct verdict probe_extended_two(void)
{
	struct verdict one = probe_extended(false);

	/* Where no extended program is refused, this one is no news. */
	if (one.state == OPEN)
		return verdict(NOT_APPLICABLE,
			       "extended programs are not refused at all, see 6");
	if (one.state != FIXED)
		return one;
	return probe_extended(true);
}

static const struct bug bugs[] = {
	{
		.id = "1",
		.title = "prog_array takes an extension",
		.effect = "programs of different types can meet: type confusion",
		.upstream = "commit 1c123c567fb1, d6083f040d5d",
		.how =
			"Offers an extension that is not attached to its own prog_array, and takes it out again. Nothing runs.",
		.probe = probe_extension_in_array,
	}, {
		.id = "5",
		.title = "offering an attached extension to a prog_array panics",
		.effect = "the kernel panics",
		.upstream = "commit fdad456cbcca",
		.how =
			"Offers an extension that is not attached to a prog_array of its own and to one of its target's type. One that is attached is never offered.",
		.probe = probe_attached_in_array,
	}, {
		.id = "6",
		.title = "prog_array takes a program that is extended",
		.effect = "an extension and its target can call each other without end",
		.upstream = "commit d6083f040d5d",
		.how =
			"Offers a program to a prog_array while one of its functions is replaced. Nothing runs.",
		.probe = probe_extended_one,
	}, {
		.id = "N1",
		.title = "prog_array takes an extended program after one of its extensions left",
		.effect = "an extension and its target can call each other without end",
		.upstream = "none",
		.how =
			"Attaches two extensions, detaches one, and offers the target to a prog_array. Nothing runs.",
		.probe = probe_extended_two,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
