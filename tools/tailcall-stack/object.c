// SPDX-License-Identifier: GPL-2.0
/*
 * Functions, calls, source lines and maps of an object file, as clang and
 * bpftool gen object leave them.
 *
 * bpf_program__insns() has no subprogram before the object is loaded, which
 * takes a kernel and root. So sections and relocations are read by libelf, and
 * libbpf reads BTF and the definitions of maps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gelf.h>
#include <libelf.h>

#include "tailcall-stack.h"

#ifndef EM_BPF
#define EM_BPF 247
#endif

/* The ABI's names; elf.h has them only since glibc 2.38. */
#define RELOC_64_64 1	/* ld_imm64: map, data, or address of a function */
#define RELOC_64_32 10	/* call */

/* .BTF.ext: in no header that a program may include. */
struct ext_header {
	__u16 magic;
	__u8 version;
	__u8 flags;
	__u32 hdr_len;
	__u32 func_info_off;
	__u32 func_info_len;
	__u32 line_info_off;
	__u32 line_info_len;
};

struct ext_section {
	__u32 name_off;
	__u32 nr;
	__u8 records[];
};

struct reader {
	const char *path;
	Elf *elf;
	size_t shstrndx;
	Elf_Data *symbols;
	size_t strndx;
	size_t nr_symbols;
	struct btf *btf;
	struct bpf_object *bpf;		/* NULL: sizes of maps are not known */
	struct map *maps;		/* one for each symbol */
	struct object *obj;
};

static const char *section_name(struct reader *r, Elf_Scn *scn, GElf_Shdr *hdr)
{
	const char *name;

	if (!gelf_getshdr(scn, hdr))
		die("%s is damaged: %s", r->path, elf_errmsg(-1));
	name = elf_strptr(r->elf, r->shstrndx, hdr->sh_name);
	if (!name)
		die("%s is damaged: %s", r->path, elf_errmsg(-1));
	return name;
}

static Elf_Data *section_data(struct reader *r, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);

	if (!data || (data->d_size && !data->d_buf))
		die("%s is damaged: %s", r->path, elf_errmsg(-1));
	return data;
}

static bool is_code(const GElf_Shdr *hdr)
{
	return hdr->sh_type == SHT_PROGBITS && (hdr->sh_flags & SHF_EXECINSTR) &&
	       hdr->sh_size;
}

static void get_symbol(struct reader *r, size_t i, GElf_Sym *sym)
{
	if (i >= r->nr_symbols || !gelf_getsym(r->symbols, i, sym))
		die("%s is damaged: no symbol %zu", r->path, i);
}

static const char *symbol_name(struct reader *r, const GElf_Sym *sym)
{
	return elf_strptr(r->elf, r->strndx, sym->st_name) ?: "";
}

static void open_elf(struct reader *r)
{
	const unsigned char *ident;
	GElf_Ehdr ehdr;
	struct stat st;
	int fd;

	fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die("cannot open %s: %s", r->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("%s is no file: name the object that clang made", r->path);
	elf_version(EV_CURRENT);
	r->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!r->elf || elf_kind(r->elf) != ELF_K_ELF)
		die("%s is not an ELF file: name what clang -target bpf made", r->path);
	ident = (const unsigned char *)elf_getident(r->elf, NULL);
	if (!ident || ident[EI_CLASS] != ELFCLASS64)
		die("%s is a 32-bit ELF file: compile it with -target bpf", r->path);
	if (ident[EI_DATA] != ELFDATA2LSB)
		die("%s is big-endian: compile it with -target bpfel", r->path);
	if (!gelf_getehdr(r->elf, &ehdr))
		die("%s is damaged: %s", r->path, elf_errmsg(-1));
	if (ehdr.e_machine != EM_BPF)
		die("%s is not for BPF: compile it with -target bpf", r->path);
	if (ehdr.e_type != ET_REL)
		die("%s is no object file: name what clang -c made", r->path);
	/* The table of sections comes last. */
	if (ehdr.e_shoff + (size_t)ehdr.e_shnum * ehdr.e_shentsize > (size_t)st.st_size)
		die("%s is damaged: it was cut off", r->path);
	if (elf_getshdrstrndx(r->elf, &r->shstrndx))
		die("%s is damaged: %s", r->path, elf_errmsg(-1));
}

static void find_symbols(struct reader *r)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr hdr;

	while ((scn = elf_nextscn(r->elf, scn))) {
		section_name(r, scn, &hdr);
		if (hdr.sh_type != SHT_SYMTAB)
			continue;
		r->symbols = section_data(r, scn);
		r->strndx = hdr.sh_link;
		r->nr_symbols = hdr.sh_entsize ? hdr.sh_size / hdr.sh_entsize : 0;
	}
	if (!r->nr_symbols)
		die("%s is stripped, it has no symbols: strip with llvm-strip -g only",
		    r->path);
}

/* Programs first. */
static int by_place(const void *a, const void *b)
{
	const struct func *one = a, *other = b;

	if (one->program != other->program)
		return one->program ? -1 : 1;
	if (one->section != other->section)
		return one->section < other->section ? -1 : 1;
	return one->insns < other->insns ? -1 : one->insns > other->insns;
}

static void add_func(struct reader *r, Elf_Scn *scn, const char *section,
		     const GElf_Sym *sym)
{
	Elf_Data *data = section_data(r, scn);
	struct object *obj = r->obj;
	struct func *func;

	if (sym->st_value % sizeof(struct bpf_insn) ||
	    sym->st_size % sizeof(struct bpf_insn) ||
	    sym->st_value > data->d_size ||
	    sym->st_size > data->d_size - sym->st_value)
		die("%s is damaged: function %s does not lie in its section",
		    r->path, symbol_name(r, sym));
	obj->funcs = grow(obj->funcs, obj->nr_funcs, sizeof(*func));
	func = &obj->funcs[obj->nr_funcs++];
	*func = (struct func) {
		.name = symbol_name(r, sym),
		.section = section,
		.program = strcmp(section, ".text"),
		.insns = data->d_buf + sym->st_value,
		.nr_insns = sym->st_size / sizeof(struct bpf_insn),
	};
	func->targets = zalloc(func->nr_insns * sizeof(*func->targets));
	func->lines = zalloc(func->nr_insns * sizeof(*func->lines));
}

static void find_funcs(struct reader *r)
{
	struct object *obj = r->obj;
	bool program = false;
	GElf_Shdr hdr;
	GElf_Sym sym;
	size_t i;

	for (i = 0; i < r->nr_symbols; i++) {
		const char *section;
		Elf_Scn *scn;

		get_symbol(r, i, &sym);
		if (GELF_ST_TYPE(sym.st_info) != STT_FUNC || !sym.st_size ||
		    sym.st_shndx == SHN_UNDEF || sym.st_shndx >= SHN_LORESERVE)
			continue;
		scn = elf_getscn(r->elf, sym.st_shndx);
		if (!scn)
			die("%s is damaged: no section %u", r->path, sym.st_shndx);
		section = section_name(r, scn, &hdr);
		if (is_code(&hdr))
			add_func(r, scn, section, &sym);
	}
	if (!obj->nr_funcs)
		die("%s has no function: name an object with BPF programs", r->path);
	qsort(obj->funcs, obj->nr_funcs, sizeof(*obj->funcs), by_place);
	for (i = 0; i < obj->nr_funcs; i++)
		program |= obj->funcs[i].program;
	if (!program)
		die("%s has only subprograms: link it with bpftool gen object first",
		    r->path);
}

struct func *func_at(const struct object *obj, const void *insn, size_t *idx)
{
	const struct bpf_insn *at = insn;
	size_t i;

	for (i = 0; i < obj->nr_funcs; i++) {
		struct func *func = &obj->funcs[i];

		if (at >= func->insns && at < func->insns + func->nr_insns) {
			*idx = at - func->insns;
			return func;
		}
	}
	return NULL;
}

static struct func *func_in(struct reader *r, size_t shndx, __s64 off)
{
	Elf_Scn *scn = elf_getscn(r->elf, shndx);
	Elf_Data *data;
	size_t idx;

	if (!scn)
		die("%s is damaged: no section %zu", r->path, shndx);
	data = section_data(r, scn);
	if (off < 0 || (size_t)off >= data->d_size)
		return NULL;
	return func_at(r->obj, data->d_buf + off, &idx);
}

static const struct map *map_of(struct reader *r, size_t i, const GElf_Sym *sym)
{
	struct map *map = &r->maps[i];
	struct bpf_map *def;

	if (map->name)
		return map;
	map->name = symbol_name(r, sym);
	def = r->bpf ? bpf_object__find_map_by_name(r->bpf, map->name) : NULL;
	if (def) {
		map->key_size = bpf_map__key_size(def);
		map->value_size = bpf_map__value_size(def);
	}
	return map;
}

static void relocate(struct reader *r, struct func *func, size_t idx,
		     unsigned int type, size_t symbol)
{
	const struct bpf_insn *insn = &func->insns[idx];
	struct target *target = &func->targets[idx];
	GElf_Shdr hdr;
	GElf_Sym sym;
	Elf_Scn *scn;

	get_symbol(r, symbol, &sym);
	/* Not defined here: a kfunc, a ksym or a value of Kconfig. */
	if (sym.st_shndx == SHN_UNDEF || sym.st_shndx >= SHN_LORESERVE)
		return;
	scn = elf_getscn(r->elf, sym.st_shndx);
	if (!scn)
		die("%s is damaged: no section %u", r->path, sym.st_shndx);
	section_name(r, scn, &hdr);
	if (type == RELOC_64_32) {
		/* imm counts insns from the one after the call. */
		target->func = func_in(r, sym.st_shndx, (__s64)sym.st_value +
				       (insn->imm + 1LL) * (__s64)sizeof(*insn));
		if (!target->func)
			die("%s is damaged: %s calls what is no function",
			    r->path, func->name);
	} else if (type == RELOC_64_64 && (hdr.sh_flags & SHF_EXECINSTR)) {
		target->func = func_in(r, sym.st_shndx,
				       (__s64)sym.st_value + insn->imm);
	} else if (type == RELOC_64_64) {
		target->map = map_of(r, symbol, &sym);
	}
}

static void resolve(struct reader *r)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr hdr, code_hdr;
	size_t i, idx;

	while ((scn = elf_nextscn(r->elf, scn))) {
		Elf_Data *data, *code;
		Elf_Scn *code_scn;
		GElf_Rel rel;

		section_name(r, scn, &hdr);
		if (hdr.sh_type != SHT_REL || !hdr.sh_entsize)
			continue;
		code_scn = elf_getscn(r->elf, hdr.sh_info);
		if (!code_scn)
			continue;
		section_name(r, code_scn, &code_hdr);
		if (!is_code(&code_hdr))
			continue;
		data = section_data(r, scn);
		code = section_data(r, code_scn);
		for (i = 0; i < hdr.sh_size / hdr.sh_entsize; i++) {
			struct func *func;

			if (!gelf_getrel(data, i, &rel) ||
			    rel.r_offset >= code->d_size)
				die("%s is damaged: no insn to relocate", r->path);
			func = func_at(r->obj, code->d_buf + rel.r_offset,
				       &idx);
			if (func)
				relocate(r, func, idx, GELF_R_TYPE(rel.r_info),
					 GELF_R_SYM(rel.r_info));
		}
	}
	/* Calls within a section may need no relocation. */
	for (i = 0; i < r->obj->nr_funcs; i++) {
		struct func *func = &r->obj->funcs[i];

		for (idx = 0; idx < func->nr_insns; idx++) {
			const struct bpf_insn *insn = &func->insns[idx];
			size_t at;

			if (insn->code != (BPF_JMP | BPF_CALL) ||
			    insn->src_reg != BPF_PSEUDO_CALL ||
			    func->targets[idx].func || insn->imm == -1)
				continue;
			func->targets[idx].func =
				func_at(r->obj, insn + insn->imm + 1, &at);
		}
	}
}

static const char *btf_string(const struct btf *btf, __u32 off)
{
	const char *s = btf__str_by_offset(btf, off);

	while (s && (*s == ' ' || *s == '\t'))
		s++;
	return s ?: "";
}

const struct line *make_line(const struct btf *btf, const struct bpf_line_info *info)
{
	struct line *line = zalloc(sizeof(*line));

	line->file = btf_string(btf, info->file_name_off);
	line->nr = BPF_LINE_INFO_LINE_NUM(info->line_col);
	line->text = btf_string(btf, info->line_off);
	return line;
}

void spread_lines(struct object *obj)
{
	static const struct line unknown = { .file = "", .text = "" };
	size_t i, idx;

	for (i = 0; i < obj->nr_funcs; i++) {
		struct func *func = &obj->funcs[i];
		const struct line *line = &unknown;

		for (idx = 0; idx < func->nr_insns; idx++) {
			if (func->lines[idx])
				line = func->lines[idx];
			func->lines[idx] = line;
		}
	}
}

static void add_lines(struct reader *r, const struct ext_section *sec, __u32 size)
{
	const char *name = btf_string(r->btf, sec->name_off);
	Elf_Data *code = NULL;
	Elf_Scn *scn = NULL;
	GElf_Shdr hdr;
	__u32 i;

	while ((scn = elf_nextscn(r->elf, scn))) {
		if (!strcmp(section_name(r, scn, &hdr), name) && is_code(&hdr))
			code = section_data(r, scn);
	}
	if (!code)
		return;
	for (i = 0; i < sec->nr; i++) {
		const struct bpf_line_info *info;
		struct func *func;
		size_t idx;

		info = (const void *)(sec->records + (size_t)i * size);
		if (info->insn_off >= code->d_size)
			die("%s has line info for what is no insn: build it anew",
			    r->path);
		func = func_at(r->obj, code->d_buf + info->insn_off, &idx);
		if (func)
			func->lines[idx] = make_line(r->btf, info);
	}
}

static void read_lines(struct reader *r, const struct btf_ext *ext)
{
	const struct ext_header *hdr;
	const __u8 *at, *end;
	__u32 len, record;

	hdr = btf_ext__get_raw_data(ext, &len);
	if (hdr->line_info_len < sizeof(record))
		die("%s has BTF, but no line info: compile it with -g", r->path);
	/* libbpf has checked that all sections lie within. */
	at = (const __u8 *)hdr + hdr->hdr_len + hdr->line_info_off;
	end = at + hdr->line_info_len;
	memcpy(&record, at, sizeof(record));
	at += sizeof(record);
	while (at + sizeof(struct ext_section) <= end) {
		const struct ext_section *sec = (const void *)at;

		if (sec->nr > (size_t)(end - sec->records) / record)
			die("%s has damaged line info: build it anew", r->path);
		add_lines(r, sec, record);
		at = sec->records + (size_t)sec->nr * record;
	}
	spread_lines(r->obj);
}

void read_object(struct object *obj, const char *path)
{
	struct reader r = { .path = path, .obj = obj };
	struct btf_ext *ext = NULL;

	obj->path = path;
	open_elf(&r);
	find_symbols(&r);
	find_funcs(&r);
	r.btf = btf__parse_elf(path, &ext);
	if (!r.btf && (errno == ENODATA || errno == ENOENT))
		die("%s has no BTF: compile it with clang -g", path);
	if (!r.btf)
		die("%s has BTF that libbpf cannot read: %s", path,
		    strerror(errno));
	if (!ext)
		die("%s has no .BTF.ext, so no line info: compile it with clang -g", path);
	/* Opened for the sizes of maps only: what libbpf refuses goes without. */
	r.bpf = bpf_object__open_file(path, NULL);
	r.maps = zalloc(r.nr_symbols * sizeof(*r.maps));
	resolve(&r);
	read_lines(&r, ext);
}
