// SPDX-License-Identifier: GPL-2.0
/* An extension against its target, and against the prog_array that it has. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ask.h"
#include "check.h"
#include "owner_devmap.skel.h"
#include "owner_ext.skel.h"
#include "owner_target.skel.h"

/* What the headers of an older system lack. */
#define XDP_HAS_FRAGS	0x20	/* BPF_F_XDP_HAS_FRAGS */

/* An extension and the function that it is to replace. */
struct replacement {
	struct bpf_program *ext, *target;
	const char *function;
	const char *lacks;	/* what the target has less of, or NULL */
};

/* Attach an extension: 0 or an error. */
static int try_extension(const struct replacement *r)
{
	struct bpf_link *link;

	link = bpf_program__attach_freplace(r->ext,
					    bpf_program__fd(r->target),
					    r->function);
	if (!link)
		return -errno;
	bpf_link__destroy(link);
	return 0;
}

static struct verdict try_extensions(const struct replacement *pairs,
				     size_t count)
{
	size_t i, much = 0, taken = 0;
	char what[120] = "";
	int err;

	for (i = 0; i < count; i++) {
		const struct replacement *r = &pairs[i];

		err = try_extension(r);
		if (err && (!r->lacks || err != -EINVAL))
			return verdict(CANNOT_TELL, "attaching %s to %s: %s",
				       bpf_program__name(r->ext), r->function,
				       strerror(-err));
		much += !!r->lacks;
		if (err || !r->lacks)
			continue;
		snprintf(what + strlen(what), sizeof(what) - strlen(what),
			 "%s%s", taken++ ? ", " : "", r->lacks);
	}
	if (taken)
		return verdict(OPEN, "%zu of %zu are attached that have more than their target: %s",
			       taken, much, what);
	return verdict(FIXED,
		       "an extension is refused that has more than its target");
}

static struct verdict probe_extension_given(void)
{
	struct owner_target_bpf *given = owner_target_bpf__open_and_load();
	struct owner_ext_bpf *taker = NULL;
	struct verdict v;
	int err;

	if (!given) {
		v = verdict(NOT_APPLICABLE, "no cgroup storage here: %s",
			    strerror(errno));
		goto out;
	}
	taker = owner_ext_bpf__open();
	if (!taker) {
		v = verdict(CANNOT_TELL, "opening the extensions: %s",
			    strerror(errno));
		goto out;
	}

	/* Those that fit come first; a program is loaded for its first target. */
	const struct replacement pairs[] = {
		{ taker->progs.taker, given->progs.with_storage,
		  "stub_with", NULL },
		{ taker->progs.modest, given->progs.without_storage,
		  "stub_without", NULL },
		{ taker->progs.far, given->progs.wide,
		  "stub_wide", NULL },
		{ taker->progs.near, given->progs.narrow,
		  "stub_narrow", NULL },
		{ taker->progs.far_buffer, given->progs.long_buffer,
		  "stub_long", NULL },
		{ taker->progs.near_buffer, given->progs.short_buffer,
		  "stub_short", NULL },
		{ taker->progs.taker, given->progs.without_storage,
		  "stub_without", "a storage" },
		{ taker->progs.far, given->progs.narrow,
		  "stub_narrow", "of the context" },
		{ taker->progs.far_buffer, given->progs.short_buffer,
		  "stub_short", "of a buffer" },
	};
	size_t i;

	err = bpf_map__reuse_fd(taker->maps.storage,
				bpf_map__fd(given->maps.storage));
	for (i = 0; !err && !pairs[i].lacks; i++)
		err = bpf_program__set_attach_target(pairs[i].ext,
						     bpf_program__fd(pairs[i].target),
						     pairs[i].function);
	if (!err)
		err = owner_ext_bpf__load(taker);
	if (err)
		v = verdict(CANNOT_TELL, "loading the extensions: %s",
			    strerror(-err));
	else
		v = try_extensions(pairs, ARRAY_SIZE(pairs));
out:
	owner_ext_bpf__destroy(taker);
	owner_target_bpf__destroy(given);
	return v;
}

/*
 * The prog_array of an extension is offered what its target could not tail call,
 * and what it could.
 */
static struct verdict offer_extension(int map)
{
	const struct ask plain = { .type = BPF_PROG_TYPE_XDP, .ret = 2 };
	struct ask devmap = plain;
	int other, like;

	devmap.attach = BPF_XDP_DEVMAP;
	other = load_asked(plain);
	if (other >= 0)
		other = offer(map, other);
	like = load_asked(devmap);
	if (like >= 0)
		like = offer(map, like);
	if (!other)
		return verdict(OPEN,
			       "an extension's prog_array takes a program of another attach type");
	if (other != -EINVAL)
		return verdict(CANNOT_TELL, "offering a plain XDP program: %s",
			       strerror(-other));
	if (like == -EINVAL)
		return verdict(NOT_APPLICABLE,
			       "an extension's prog_array takes no other programs");
	if (like)
		return verdict(CANNOT_TELL, "offering a program for a devmap: %s",
			       strerror(-like));
	return verdict(FIXED,
		       "an extension's prog_array takes what its target could tail call");
}

/* The same, where the target knows packets in fragments, and the callee has to. */
static struct verdict offer_extension_fragments(int map)
{
	const struct ask plain = { .type = BPF_PROG_TYPE_XDP, .ret = 2 };
	struct ask frags = plain;
	int other, like;

	frags.flags = XDP_HAS_FRAGS;
	other = load_asked(plain);
	if (other >= 0)
		other = offer(map, other);
	like = load_asked(frags);
	if (like >= 0)
		like = offer(map, like);
	if (!other)
		return verdict(OPEN,
			       "its prog_array takes a program that does not know of fragments");
	if (other != -EINVAL)
		return verdict(CANNOT_TELL, "offering a program without the flag: %s",
			       strerror(-other));
	if (like)
		return verdict(CANNOT_TELL, "offering a program with the flag: %s",
			       strerror(-like));
	return verdict(FIXED, "its prog_array takes what knows of fragments, as its target does");
}

/* An extension of an XDP program with this attach type and these flags. */
static struct verdict try_xdp_extension(enum bpf_attach_type attach, __u32 flags,
					struct verdict (*offer_to)(int map))
{
	struct owner_devmap_bpf *target = owner_devmap_bpf__open();
	struct owner_devmap_bpf *ext = owner_devmap_bpf__open();
	struct verdict v;
	int err;

	if (!target || !ext) {
		v = verdict(CANNOT_TELL, "opening the programs: %s",
			    strerror(errno));
		goto out;
	}
	choose_programs(target->obj, "devmap_target", NULL);
	choose_programs(ext->obj, "devmap_ext", NULL);
	bpf_program__set_expected_attach_type(target->progs.devmap_target,
					      attach);
	bpf_program__set_flags(target->progs.devmap_target, flags);
	err = owner_devmap_bpf__load(target);
	if (err) {
		v = verdict(NOT_APPLICABLE, "no such XDP program here: %s",
			    strerror(-err));
		goto out;
	}
	err = bpf_program__set_attach_target(ext->progs.devmap_ext,
					     bpf_program__fd(target->progs.devmap_target),
					     "leave");
	if (!err)
		err = owner_devmap_bpf__load(ext);
	if (err)
		v = verdict(CANNOT_TELL, "loading the extension: %s",
			    strerror(-err));
	else
		v = done(offer_to(bpf_map__fd(ext->maps.jump)));
out:
	owner_devmap_bpf__destroy(ext);
	owner_devmap_bpf__destroy(target);
	return v;
}

static struct verdict probe_extension_attach(void)
{
	return try_xdp_extension(BPF_XDP_DEVMAP, 0, offer_extension);
}

static struct verdict probe_extension_fragments(void)
{
	return try_xdp_extension(0, XDP_HAS_FRAGS, offer_extension_fragments);
}

static const struct bug bugs[] = {
	{
		.id = "N12",
		.title = "an extension needs more than its target was given",
		.effect = "a program writes beyond a buffer, or to NULL",
		.upstream = "none",
		.how =
			"Attaches extensions to programs that have no cgroup storage, or that go less far in their context or buffer. None of them runs.",
		.probe = probe_extension_given,
	}, {
		.id = "N20",
		.title = "a tail callee of an extension is for another attach type",
		.effect = "a context is taken for what it is not: type confusion",
		.upstream = "none",
		.how =
			"Offers a plain XDP program, and one for a devmap, to the prog_array of an extension of a program for a devmap. Nothing is attached or runs.",
		.probe = probe_extension_attach,
	}, {
		.id = "N32",
		.title = "an extension's tail callee does not know of XDP fragments",
		.effect = "the first fragment is taken for the whole packet",
		.upstream = "none",
		.how =
			"Offers XDP programs with and without the flag for fragments to the prog_array of an extension whose target has it. Nothing is attached or runs.",
		.probe = probe_extension_fragments,
	},
};

static void __probes add(void)
{
	add_bugs(bugs, ARRAY_SIZE(bugs));
}
