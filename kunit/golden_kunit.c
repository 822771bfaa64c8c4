// SPDX-License-Identifier: GPL-2.0
/*
 * The code that the JIT emits, insn by insn, for a handful of small programs and
 * for trampolines. golden.h has what is expected, for each kernel line and each
 * setting that the JIT emits other code for. Who changes the JIT on purpose has
 * one table to change, and scripts/golden to do it.
 *
 * What differs from kernel to kernel or from boot to boot is masked: addresses,
 * and offsets in the kernel's structures. A nop is told by its length.
 */
#include <linux/cpufeature.h>
#include <linux/sizes.h>
#include <linux/utsname.h>

#include "prog.h"
#include "suites.h"

struct golden {
	const char *name;
	const char *setting;
	const char *code;
};

#include "golden.h"

/* The most text, and the most bytes of code. */
#define GOLDEN_TEXT	4096
#define GOLDEN_CODE	1024
/* How wide a line of the table may be. */
#define GOLDEN_LINE	60

/*
 * One insn: what must be known of it to print and to mask it. The JIT uses few
 * insns; one that is not known here makes a case fail.
 */
struct golden_insn {
	u32 len;
	u32 nop;		/* its length, if it is one */
	/* Where a masked part begins, and its length. */
	u32 mask[2];
	u32 mask_len[2];
	s32 rel;		/* of a call or jump with 32 bits */
	bool is_rel32;
	bool is_end;		/* ret, or a jump that does not come back */
	bool is_leave;
};

/* Is there a ModRM byte behind this opcode? If not, how long is the rest? */
static int golden_operands(const u8 *op, bool two_bytes, bool rex_w,
			   bool *modrm, bool *rel32)
{
	const u8 b = *op;

	*modrm = false;
	*rel32 = false;
	if (two_bytes) {
		if ((b & 0xf0) == 0x80) {		/* jcc */
			*rel32 = true;
			return 4;
		}
		if (b == 0x05 || b == 0x0b)		/* syscall, ud2 */
			return -EINVAL;
		*modrm = true;
		return b == 0xba || b == 0xa4 || b == 0xac ? 1 : 0;
	}
	if ((b & 0xf0) == 0x50 || b == 0x90 || b == 0xc3 || b == 0xc9 ||
	    b == 0xcc)
		return 0;
	if (b == 0xe8 || b == 0xe9) {
		*rel32 = true;
		return 4;
	}
	if ((b & 0xf0) == 0x70 || b == 0xeb || b == 0x6a)
		return 1;
	if ((b & 0xf8) == 0xb8)				/* mov reg, imm */
		return rex_w ? 8 : 4;
	if (b == 0x68 || (b < 0x40 && (b & 7) == 5))	/* push; op eax, imm */
		return 4;
	*modrm = true;
	if (b == 0x69 || b == 0x81 || b == 0xc7)
		return 4;
	if (b == 0x6b || b == 0x80 || b == 0x83 || b == 0xc0 || b == 0xc1 ||
	    b == 0xc6)
		return 1;
	if ((b < 0x40 && (b & 7) < 4) || b == 0x63 || (b >= 0x84 && b <= 0x8d) ||
	    b == 0xd1 || b == 0xd3 || b == 0xff)
		return 0;
	return -EINVAL;
}

static int golden_decode(const u8 *code, struct golden_insn *insn)
{
	bool modrm, two_bytes, rel32, rex_w = false, wide = false;
	u32 i = 0, disp = 0, base = 4;
	int rest;
	u8 op;

	memset(insn, 0, sizeof(*insn));
	for (; code[i] == 0x66 || code[i] == 0xf2 || code[i] == 0xf3 ||
	     code[i] == 0x2e; i++)
		wide |= code[i] == 0x66;
	if ((code[i] & 0xf0) == 0x40)
		rex_w = code[i++] & 8;
	two_bytes = code[i] == 0x0f;
	i += two_bytes;
	rest = golden_operands(&code[i], two_bytes, rex_w, &modrm, &rel32);
	if (rest < 0)
		return rest;
	op = code[i++];
	if (modrm) {
		const u8 mod = code[i] >> 6, rm = code[i] & 7;

		base = rm;
		disp = mod == 1 ? 1 : mod == 2 || (!mod && rm == 5) ? 4 : 0;
		i++;
		if (mod != 3 && rm == 4) {
			base = code[i] & 7;
			if (!mod && base == 5)
				disp = 4;
			i++;
		}
		/* rsp and rbp are frames; else it is a structure's field. */
		if (disp && base != 4 && base != 5) {
			insn->mask[0] = i;
			insn->mask_len[0] = disp;
		}
		i += disp;
	}
	if (wide && rest == 4 && !rel32)
		rest = 2;
	insn->len = i + rest;
	insn->is_rel32 = rel32;
	if (rel32)
		memcpy(&insn->rel, &code[i], sizeof(insn->rel));
	if (rest == 8 || (!two_bytes && rex_w && op == 0xc7)) {
		s32 imm;

		/* A kernel address, also one that is an extended 32 bits. */
		memcpy(&imm, &code[i], sizeof(imm));
		if (rest == 8 || imm < -0x10000) {
			insn->mask[1] = i;
			insn->mask_len[1] = rest;
		}
	}
	insn->is_leave = !two_bytes && op == 0xc9;
	insn->is_end = !two_bytes && (op == 0xc3 || op == 0xe9);
	if ((two_bytes && op == 0x1f) || (!two_bytes && op == 0x90 && !rex_w)) {
		insn->nop = insn->len;
		insn->mask_len[0] = 0;
	}
	return 0;
}

static bool golden_masked(const struct golden_insn *insn, u32 i)
{
	u32 m;

	for (m = 0; m < ARRAY_SIZE(insn->mask); m++)
		if (i >= insn->mask[m] && i < insn->mask[m] + insn->mask_len[m])
			return true;
	return false;
}

/*
 * Code as text, an insn after the other. Without a @len it is a trampoline, which
 * ends with the first return behind a leave.
 */
static void golden_text(struct kunit *test, const u8 *code, u32 len, char *text)
{
	const u32 most = len ?: GOLDEN_CODE;
	struct golden_insn insn;
	bool left = false;
	u32 at, i, n = 0;

	for (at = 0; at < most; at += insn.len) {
		/* Behind the function are the stubs of its tail calls: movabs r11, site. */
		if (len && code[at] == 0x49 && code[at + 1] == 0xbb)
			break;
		KUNIT_ASSERT_EQ_MSG(test, golden_decode(code + at, &insn), 0,
				    "at byte %u is an insn that is not known here: %16ph",
				    at, code + at);
		if (insn.is_rel32) {
			s64 to = (s64)at + insn.len + insn.rel;

			if (!len || to < 0 || to > len) {
				insn.mask[1] = insn.len - 4;
				insn.mask_len[1] = 4;
			}
		}
		if (insn.nop)
			n += scnprintf(text + n, GOLDEN_TEXT - n, "nop%u", insn.nop);
		for (i = 0; i < insn.len && !insn.nop; i++)
			n += scnprintf(text + n, GOLDEN_TEXT - n,
				       golden_masked(&insn, i) ? "%s.." : "%s%02x",
				       i ? " " : "", code[at + i]);
		n += scnprintf(text + n, GOLDEN_TEXT - n, "; ");
		left |= insn.is_leave;
		if (!len && left && insn.is_end)
			break;
	}
	KUNIT_ASSERT_LT_MSG(test, n, (u32)GOLDEN_TEXT - 1, "too much code");
}

/* What the JIT looks at, beside the program. */
static void golden_setting(char *buf, size_t size)
{
	u32 n = scnprintf(buf, size, "%u.%u", TCALL_LINE_MAJOR, TCALL_LINE_MINOR);

#define GOLDEN_SET(cond, word)						\
	(n += scnprintf(buf + n, size - n, "%s", (cond) ? " " word : ""))
	GOLDEN_SET(IS_ENABLED(CONFIG_X86_KERNEL_IBT), "ibt");
	GOLDEN_SET(IS_ENABLED(CONFIG_RETPOLINE) ||
		   IS_ENABLED(CONFIG_MITIGATION_RETPOLINE), "retpoline");
	GOLDEN_SET(IS_ENABLED(CONFIG_SLS) ||
		   IS_ENABLED(CONFIG_MITIGATION_SLS), "sls");
	GOLDEN_SET(IS_ENABLED(CONFIG_CFI_CLANG) || IS_ENABLED(CONFIG_CFI),
		   "cfi");
	GOLDEN_SET(IS_ENABLED(CONFIG_BPF_TAIL_CALL_TRACE), "trace");
#ifdef X86_FEATURE_RETPOLINE
	GOLDEN_SET(boot_cpu_has(X86_FEATURE_RETPOLINE), "thunk");
#endif
#ifdef X86_FEATURE_RETPOLINE_LFENCE
	GOLDEN_SET(boot_cpu_has(X86_FEATURE_RETPOLINE_LFENCE), "lfence");
#endif
#ifdef X86_FEATURE_INDIRECT_THUNK_ITS
	GOLDEN_SET(boot_cpu_has(X86_FEATURE_INDIRECT_THUNK_ITS), "its");
#endif
#ifdef X86_FEATURE_RETHUNK
	GOLDEN_SET(boot_cpu_has(X86_FEATURE_RETHUNK), "rethunk");
#endif
#ifdef X86_FEATURE_CALL_DEPTH
	GOLDEN_SET(boot_cpu_has(X86_FEATURE_CALL_DEPTH), "depth");
#endif
#undef GOLDEN_SET
}

/* Programs. Slot 0 is filled, slot 1 empty. */
enum golden_shape {
	LEAF,
	DIRECT_FILLED,
	DIRECT_EMPTY,
	DIRECT_STACK,
	INDIRECT,
	CALLER,
	SUBPROGRAM,
	R10,
	FENTRY,
	FEXIT,
};

struct golden_param {
	enum golden_shape shape;
	const char *name;
};

static const struct golden_param golden_params[] = {
	{ LEAF, "no tail call" },
	{ DIRECT_FILLED, "direct" },
	{ DIRECT_EMPTY, "direct, empty slot" },
	{ DIRECT_STACK, "direct, stack 64 R6-R9" },
	{ INDIRECT, "indirect, stack 8" },
	{ CALLER, "main with a call" },
	{ SUBPROGRAM, "subprogram" },
	{ R10, "R10 as a value" },
	{ FENTRY, "trampoline, fentry" },
	{ FEXIT, "trampoline, fexit" },
};

static void golden_param_desc(const struct golden_param *param, char *desc)
{
	strscpy(desc, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(golden, golden_params, golden_param_desc);

static int golden_leaf(struct kunit *test)
{
	struct tcall_prog *p = tcall_prog_new(test, "leaf", BPF_PROG_TYPE_SCHED_CLS);

	tcall_func_begin(p, "leaf", TCALL_GLOBAL);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

static int golden_load(struct kunit *test, enum golden_shape shape)
{
	struct tcall_prog *p = tcall_prog_new(test, "main", BPF_PROG_TYPE_SCHED_CLS);
	const bool has_sub = shape == CALLER || shape == SUBPROGRAM ||
			     shape == FENTRY || shape == FEXIT;
	int array, leaf = golden_leaf(test);

	if (shape == LEAF)
		return leaf;
	array = tcall_prog_array(test, 2);
	KUNIT_ASSERT_EQ(test, tcall_set_slot(array, 0, leaf), 0);
	tcall_func_begin(p, "main", TCALL_GLOBAL);
	tcall_emit_sub_entry(p);
	if (has_sub) {
		tcall_emit_call(p, 1);
		tcall_emit(p, BPF_EXIT_INSN());
		tcall_func_begin(p, "sub", TCALL_STATIC);
		tcall_emit_sub_entry(p);
	}
	if (shape == DIRECT_STACK) {
		tcall_emit_stack(p, 64);
		tcall_emit_callee_regs(p);
	}
	if (shape == INDIRECT)
		tcall_emit_stack(p, 8);
	if (shape == R10) {
		tcall_emit(p, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_10, -8));
		tcall_emit(p, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
		tcall_emit(p, BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_2, -8));
	}
	tcall_emit_tail_call(p, array, shape == DIRECT_EMPTY,
			     shape == INDIRECT ? TCALL_INDIRECT : TCALL_DIRECT);
	tcall_emit_return(p, 0);
	return tcall_load_ok(p);
}

/* Where the trampoline of a function that is traced begins. */
static const u8 *golden_trampoline(struct kunit *test, const u8 *code)
{
	struct golden_insn insn;

	/* An endbr64 may come first. */
	KUNIT_ASSERT_EQ(test, golden_decode(code, &insn), 0);
	if (!insn.is_rel32) {
		code += insn.len;
		KUNIT_ASSERT_EQ(test, golden_decode(code, &insn), 0);
	}
	KUNIT_ASSERT_TRUE(test, insn.is_rel32);
	return code + insn.len + insn.rel;
}

/* In lines that fit, as the table has them; scripts/golden looks for the word. */
static void golden_print(struct kunit *test, const char *name,
			 const char *setting, const char *text)
{
	kunit_info(test, "golden: \t{ \"%s\", \"%s\",\n", name, setting);
	while (*text) {
		u32 len = 0, next = 0;

		while (text[next]) {
			next += strcspn(text + next, ";") + 2;
			if (next > GOLDEN_LINE && len)
				break;
			len = next;
		}
		kunit_info(test, "golden: \t  \"%.*s\"%s\n", len, text,
			   text[len] ? "" : " },");
		text += len;
	}
}

/* The first insn that differs, and how far into the code it is. */
static void golden_diff(struct kunit *test, const char *want, const char *have)
{
	u32 line, w, h;

	for (line = 1; *want && *have; line++) {
		w = strcspn(want, ";");
		h = strcspn(have, ";");
		if (w != h || strncmp(want, have, w)) {
			kunit_info(test, "insn %u\n-%.*s\n+%.*s\n", line, w,
				   want, h, have);
			return;
		}
		want += w + 2;
		have += h + 2;
	}
	kunit_info(test, "insn %u\n-%s\n+%s\n", line, want, have);
}

/*
 * What a subprogram's tail call compares the stack with. It is larger with KASAN, and
 * the table has what it is without.
 */
static void golden_usual_stack(char *text)
{
	static const char lea[] = "48 8d 8c 24 ";
	const u32 here = THREAD_SIZE / 8 * 5, usual = SZ_16K / 8 * 5;
	char bytes[sizeof("00 00 00 00")];

	text = strstr(text, lea);
	snprintf(bytes, sizeof(bytes), "%*ph", 4, &here);
	if (!text || strncmp(text + strlen(lea), bytes, strlen(bytes)))
		return;
	snprintf(bytes, sizeof(bytes), "%*ph", 4, &usual);
	memcpy(text + strlen(lea), bytes, strlen(bytes));
}

static void the_code_is_as_written_down(struct kunit *test)
{
	const struct golden_param *param = tcall_param(test);
	const enum golden_shape shape = param->shape;
	const struct golden *row = NULL;
	struct bpf_prog *prog, *func;
	char setting[64];
	const u8 *code;
	char *text;
	u32 i, len;
	int fd;

	if (!strstr(init_utsname()->release, "-tailcall")) {
		kunit_skip_quietly(test, "Test requires: the whole series");
		return;
	}
	text = kunit_kzalloc(test, GOLDEN_TEXT, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, text);
	golden_setting(setting, sizeof(setting));
	fd = golden_load(test, shape);
	if (shape == FENTRY)
		tcall_tracer(test, BPF_TRACE_FENTRY, fd, 1);
	if (shape == FEXIT)
		tcall_tracer(test, BPF_TRACE_FEXIT, fd, 1);

	/* The case's fd keeps it. */
	prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_SCHED_CLS, false);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, prog);
	func = prog;
	if (prog->aux->func_cnt)
		func = prog->aux->func[shape != CALLER];
	code = (const u8 *)func->bpf_func;
	len = func->jited_len;
	bpf_prog_put(prog);
	if (tcall_blinded(test, fd, BPF_PROG_TYPE_SCHED_CLS)) {
		kunit_skip_quietly(test, "Test requires: constants that are not blinded");
		return;
	}
	if (shape == FENTRY || shape == FEXIT) {
		code = golden_trampoline(test, code);
		len = 0;
	}
	golden_text(test, code, len, text);
	golden_usual_stack(text);

	for (i = 0; i < ARRAY_SIZE(golden_table) && !row; i++)
		if (!strcmp(golden_table[i].name, param->name) &&
		    !strcmp(golden_table[i].setting, setting))
			row = &golden_table[i];
	if (row && !strcmp(row->code, text))
		return;
	if (row)
		golden_diff(test, row->code, text);
	golden_print(test, param->name, setting, text);
	if (!row)
		kunit_skip(test, "Test requires: a row of golden.h for %s", setting);
	KUNIT_FAIL(test, "%s, %s: other code than golden.h has", param->name,
		   setting);
}

static struct kunit_case golden_cases[] = {
	KUNIT_CASE_PARAM(the_code_is_as_written_down, golden_gen_params),
	{}
};

struct kunit_suite tailcall_golden_suite = {
	.name = "tailcall_golden",
	.init = tcall_init,
	.exit = tcall_exit,
	.test_cases = golden_cases,
};
