// SPDX-License-Identifier: GPL-2.0
/*
 * try-programs OBJECT - what this kernel says to each program of a BPF object
 *
 * Loads each program alone; then all that load together; puts each of these into each
 * prog_array of the object; and attaches each where libbpf knows the place, XDP
 * programs and classifiers to lo and cgroup's to the root. Prints a line for each step:
 *
 *	load|together|fill|attach <tab> what <tab> ok|refused <tab> reason
 *
 * Exit status 0 if that is all said, 2 if this is no object that libbpf can read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/elf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define LO_IFINDEX	1
#define LOG_SIZE	(16 << 20)

static char *log_buf;		/* of the verifier */
static char last_warning[256];	/* of libbpf, which knows what the kernel was asked */

static int remember(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[256];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	/* The first one has the cause, what follows is that it could not go on. */
	if (!last_warning[0] && !strstr(line, "program load failed"))
		snprintf(last_warning, sizeof(last_warning), "%.*s",
			 (int)strcspn(line, "\n"), line);
	return 0;
}

/* One line, without what would end it. */
static void say(const char *step, const char *what, bool ok, const char *reason)
{
	printf("%s\t%s\t%s\t", step, what, ok ? "ok" : "refused");
	for (; !ok && *reason; reason++)
		putchar(*reason == '\t' || *reason == '\n' ? ' ' : *reason);
	putchar('\n');
}

/* The last words of the verifier's log that are none of its statistics. */
static const char *verifier_says(void)
{
	static const char *const statistics[] = {
		"processed ", "verification time ", "stack depth ", "insns processed",
		"mark_precise", "func#",
	};
	static char words[256];
	char *line, *save = NULL;
	size_t i;

	words[0] = 0;
	for (line = strtok_r(log_buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		for (i = 0; i < ARRAY_SIZE(statistics); i++)
			if (!strncmp(line, statistics[i], strlen(statistics[i])))
				break;
		if (i == ARRAY_SIZE(statistics))
			snprintf(words, sizeof(words), "%s", line);
	}
	return words;
}

static const char *why(int err)
{
	static char reason[640];
	const char *words = verifier_says();

	snprintf(reason, sizeof(reason), "%s%s%s", strerror(err < 0 ? -err : err),
		 *words || *last_warning ? ": " : "", *words ? words : last_warning);
	return reason;
}

/* What a prog_array tells of its refusals. */
static const char *array_says(int map, int err)
{
	static char reason[512];
	char path[64], line[160];
	FILE *f;

	snprintf(reason, sizeof(reason), "%s", strerror(err));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "owner_refused", 13))
			snprintf(reason + strlen(reason), sizeof(reason) - strlen(reason),
				 ": %.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
	return reason;
}

/*
 * An object can say which programs its arrays begin with. libbpf puts them there as soon
 * as all are loaded, and gives up if one is not, as when another is loaded alone. So
 * take that out of the file's image: fill() puts there what can be.
 */
static void forget_first_programs(void *image, size_t size)
{
	struct elf64_hdr *elf = image;
	struct elf64_shdr *sections, *names, *s;
	size_t i;

	if (size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) ||
	    elf->e_shoff > size || elf->e_shstrndx >= elf->e_shnum ||
	    elf->e_shnum * sizeof(*sections) > size - elf->e_shoff)
		return;
	sections = image + elf->e_shoff;
	names = &sections[elf->e_shstrndx];
	if (names->sh_offset > size || names->sh_size > size - names->sh_offset)
		return;
	for (i = 0; i < elf->e_shnum; i++) {
		s = &sections[i];
		if (s->sh_name < names->sh_size &&
		    !strncmp(image + names->sh_offset + s->sh_name, ".rel.maps",
			     names->sh_size - s->sh_name))
			s->sh_size = 0;
	}
}

static void *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "r");
	void *image = NULL;
	struct stat st;

	if (f && !fstat(fileno(f), &st) && st.st_size) {
		*size = st.st_size;
		image = malloc(*size);
	}
	if (!image || fread(image, *size, 1, f) != 1) {
		fprintf(stderr, "try-programs: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	fclose(f);
	return image;
}

/* What cannot be created here, for a device or an option is missing. */
static char no_maps[64][128];
static size_t no_map_count;

static struct bpf_object *open_object(const char *path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = log_buf,
		    .kernel_log_size = LOG_SIZE, .object_name = "tried");
	static size_t size;
	static void *image;
	struct bpf_object *object;
	struct bpf_map *map;
	size_t i;

	if (!image) {
		image = read_file(path, &size);
		forget_first_programs(image, size);
	}
	last_warning[0] = 0;
	log_buf[0] = 0;
	object = bpf_object__open_mem(image, size, &opts);
	if (!object) {
		fprintf(stderr, "try-programs: %s: %s\n", path, why(errno));
		exit(2);
	}
	/* A map that outlives this would bring its owner along. */
	bpf_object__for_each_map(map, object) {
		bpf_map__set_pin_path(map, NULL);
		for (i = 0; i < no_map_count; i++)
			if (!strcmp(bpf_map__name(map), no_maps[i]))
				bpf_map__set_autocreate(map, false);
	}
	return object;
}

/*
 * Did a load fail for a map that is not there to be created? Only who uses it has to do
 * without.
 */
static bool lacks_map(void)
{
	char *name = no_maps[no_map_count];

	if (no_map_count == ARRAY_SIZE(no_maps) ||
	    sscanf(last_warning, "libbpf: map '%127[^']': failed to create", name) != 1 ||
	    !strstr(last_warning, "failed to create"))
		return false;
	no_map_count++;
	return true;
}

static bool load_alone(const char *path, size_t which)
{
	struct bpf_object *object = NULL;
	struct bpf_program *prog, *each;
	size_t i;
	int err;

	do {
		bpf_object__close(object);
		object = open_object(path);
		i = 0;
		prog = NULL;
		bpf_object__for_each_program(each, object) {
			bpf_program__set_autoload(each, i == which);
			if (i++ == which)
				prog = each;
		}
		err = bpf_object__load(object);
	} while (err && lacks_map());
	say("load", bpf_program__name(prog), !err, why(err));
	bpf_object__close(object);
	return !err;
}

/* Load each program alone: which ones does the kernel take? */
static size_t load_each(const char *path, bool *taken)
{
	struct bpf_object *object = open_object(path);
	struct bpf_program *prog;
	size_t count = 0, i;

	bpf_object__for_each_program(prog, object)
		count++;
	bpf_object__close(object);
	for (i = 0; i < count; i++)
		taken[i] = load_alone(path, i);
	return count;
}

static bool is_one(struct bpf_map *map, enum bpf_map_type type)
{
	return bpf_map__type(map) == type && bpf_map__fd(map) >= 0;
}

/* Put each program into each prog_array; what was taken stays there. */
static void fill(struct bpf_object *object)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	char what[256];
	__u32 slot;
	int fd, err;

	bpf_object__for_each_map(map, object) {
		if (!is_one(map, BPF_MAP_TYPE_PROG_ARRAY))
			continue;
		slot = 0;
		bpf_object__for_each_program(prog, object) {
			fd = bpf_program__fd(prog);
			if (fd < 0)
				continue;
			snprintf(what, sizeof(what), "%s <- %s", bpf_map__name(map),
				 bpf_program__name(prog));
			err = bpf_map_update_elem(bpf_map__fd(map), &slot, &fd, 0) ? errno : 0;
			say("fill", what, !err, array_says(bpf_map__fd(map), err));
			if (!err)
				slot = (slot + 1) % bpf_map__max_entries(map);
		}
	}
}

/* As a classifier that decides, at the ingress of lo; nothing stays there. */
static int attach_tc(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO_IFINDEX,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog));
	int err = bpf_tc_hook_create(&hook);

	if (!err)
		err = bpf_tc_attach(&hook, &opts);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
	return err;
}

static void attach(struct bpf_object *object)
{
	int cgroup = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	struct bpf_program *prog;
	struct bpf_link *link;
	int err;

	bpf_object__for_each_program(prog, object) {
		if (bpf_program__fd(prog) < 0)
			continue;
		last_warning[0] = 0;
		log_buf[0] = 0;
		if (bpf_program__type(prog) == BPF_PROG_TYPE_SCHED_CLS) {
			err = attach_tc(prog);
			say("attach", bpf_program__name(prog), !err, why(err));
			continue;
		}
		switch (bpf_program__type(prog)) {
		case BPF_PROG_TYPE_XDP:
			link = bpf_program__attach_xdp(prog, LO_IFINDEX);
			break;
		case BPF_PROG_TYPE_CGROUP_SKB:
		case BPF_PROG_TYPE_CGROUP_SOCK:
		case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		case BPF_PROG_TYPE_CGROUP_SOCKOPT:
		case BPF_PROG_TYPE_CGROUP_DEVICE:
		case BPF_PROG_TYPE_CGROUP_SYSCTL:
		case BPF_PROG_TYPE_SOCK_OPS:
			link = bpf_program__attach_cgroup(prog, cgroup);
			break;
		default:
			link = bpf_program__attach(prog);
		}
		say("attach", bpf_program__name(prog), link, why(errno));
		/* lo has room for one; the others stay, as they would. */
		if (link && bpf_program__type(prog) == BPF_PROG_TYPE_XDP)
			bpf_link__destroy(link);
	}
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct bpf_program *prog;
	struct bpf_object *object;
	static bool taken[65536];
	size_t count, i = 0, n = 0;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: try-programs OBJECT\n");
		return 2;
	}
	log_buf = malloc(LOG_SIZE);
	if (!log_buf)
		return 2;
	setrlimit(RLIMIT_MEMLOCK, &all);
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(remember);
	count = load_each(argv[1], taken);
	object = open_object(argv[1]);
	bpf_object__for_each_program(prog, object) {
		n += taken[i];
		bpf_program__set_autoload(prog, i < count && taken[i]);
		i++;
	}
	if (!n)
		return 0;
	err = bpf_object__load(object);
	say("together", "all that load", !err, why(err));
	if (!err) {
		fill(object);
		attach(object);
	}
	/* Nothing stays: links end with this process. */
	return 0;
}
