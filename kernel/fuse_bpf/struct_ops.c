// SPDX-License-Identifier: GPL-2.0
/*
 * The struct_ops type fuse_filter_ops and the functions that its programs can call. What is
 * registered goes to filter.c; here is decided what may be.
 *
 * No btf_struct_access: then the verifier lets programs only read what they get pointers to.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/ctype.h>

#include "view.h"
#include "registry.h"

#define GATE_OPS GENMASK_ULL(FUSE_FILTER_OPS - 1, FUSE_FILTER_GETATTR)
#define FLAGS                                                                                     \
	(FUSE_FILTER_ANYONE | FUSE_FILTER_BY_STATE | FUSE_FILTER_BY_FACTS | FUSE_FILTER_WATCHES | \
	 FUSE_FILTER_BY_DATA)

static struct btf *our_btf;

static int ops_init(struct btf *btf)
{
	our_btf = btf;
	return 0;
}

static bool ops_is_valid_access(int off, int size, enum bpf_access_type type,
				const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

static const struct bpf_verifier_ops ops_verifier = {
	.get_func_proto = bpf_base_func_proto,
	.is_valid_access = ops_is_valid_access,
};

/* Filters are asked under RCU, and with spinlocks of others held. */
static int ops_check_member(const struct btf_type *t, const struct btf_member *member,
			    const struct bpf_prog *prog)
{
	return prog->sleepable ? -EINVAL : 0;
}

static int copy_text(char *to, const char *from, size_t size)
{
	if (strnlen(from, size) == size)
		return -EINVAL;
	strscpy_pad(to, from, size);
	return 1;
}

static int copy_id(char *to, const char *from)
{
	const char *c;

	for (c = from; c < from + FUSE_FILTER_ID_LEN && *c; c++) {
		if (!isascii(*c) || !(isalnum(*c) || strchr("_-.", *c)))
			return -EINVAL;
	}
	return c == from ? -EINVAL : copy_text(to, from, FUSE_FILTER_ID_LEN);
}

static int copy_marks(struct fuse_filter_ops *to, const struct fuse_filter_ops *from)
{
	int i;

	for (i = 0; i < FUSE_FILTER_MARKS; i++) {
		if (copy_text(to->marks[i], from->marks[i], sizeof(to->marks[i])) < 0)
			return -EINVAL;
	}
	return 1;
}

/* Called for each member; 1 says that it was taken, 0 leaves callbacks to BPF. */
static int ops_init_member(const struct btf_type *t, const struct btf_member *member, void *kdata,
			   const void *udata)
{
	const struct fuse_filter_ops *from = udata;
	struct fuse_filter_ops *to = kdata;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct fuse_filter_ops, ops):
		to->ops = from->ops;
		return from->ops & ~GATE_OPS ? -EINVAL : 1;
	case offsetof(struct fuse_filter_ops, facts):
		to->facts = from->facts;
		return from->facts & ~FUSE_FILTER_WANT_RDEV ? -EINVAL : 1;
	case offsetof(struct fuse_filter_ops, flags):
		to->flags = from->flags;
		return from->flags & ~FLAGS ? -EINVAL : 1;
	case offsetof(struct fuse_filter_ops, id):
		return copy_id(to->id, from->id);
	case offsetof(struct fuse_filter_ops, marks):
		return copy_marks(to, from);
	case offsetof(struct fuse_filter_ops, sibling):
		return copy_text(to->sibling, from->sibling, sizeof(to->sibling));
	case offsetof(struct fuse_filter_ops, child):
		return strchr(from->child, '/')
			       ? -EINVAL
			       : copy_text(to->child, from->child, sizeof(to->child));
	case offsetof(struct fuse_filter_ops, value):
		return copy_text(to->value, from->value, sizeof(to->value));
	}
	return 0;
}

static bool asks_for_facts(const struct fuse_filter_ops *ops)
{
	int i;

	for (i = 0; i < FUSE_FILTER_MARKS; i++) {
		if (ops->marks[i][0])
			return true;
	}
	return ops->facts || ops->sibling[0] || ops->child[0];
}

/* A promise about what isn't asked for is a mistake. */
static bool promises_make_sense(const struct fuse_filter_ops *ops)
{
	if (ops->flags & FUSE_FILTER_BY_STATE && !ops->name)
		return false;
	if (ops->flags & FUSE_FILTER_BY_FACTS && !(ops->entry && asks_for_facts(ops)))
		return false;
	return !(ops->flags & FUSE_FILTER_WATCHES && (ops->attr || ops->access));
}

static int ops_validate(void *kdata)
{
	const struct fuse_filter_ops *ops = kdata;

	if (!ops->name && !ops->entry && !ops->open && !ops->gate && !ops->attr)
		return -EINVAL;
	/* It is only asked about what name asks for. */
	if (ops->access && !ops->name)
		return -EINVAL;
	if (strchr(ops->sibling, '/') || !promises_make_sense(ops))
		return -EINVAL;
	return !ops->gate == !ops->ops ? 0 : -EINVAL;
}

static int ops_reg(void *kdata, struct bpf_link *link)
{
	/* Without a link it could never be told to go by who holds it. */
	return link ? fuse_filter_register(kdata, link) : -EOPNOTSUPP;
}

static void ops_unreg(void *kdata, struct bpf_link *link)
{
	fuse_filter_unregister(link);
}

static int ops_update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	return fuse_filter_update(kdata, link);
}

static int stub(struct fuse_filter_ctx *ctx)
{
	return 0;
}

static struct fuse_filter_ops stubs = {
	.name = stub,
	.entry = stub,
	.open = stub,
	.gate = stub,
	.attr = stub,
	.access = stub,
};

static struct bpf_struct_ops fuse_struct_ops = {
	.verifier_ops = &ops_verifier,
	.init = ops_init,
	.check_member = ops_check_member,
	.init_member = ops_init_member,
	.validate = ops_validate,
	.reg = ops_reg,
	.unreg = ops_unreg,
	.update = ops_update,
	.cfi_stubs = &stubs,
	.owner = THIS_MODULE,
	.name = "fuse_filter_ops",
};

static struct fuse_call *call_of(struct fuse_filter_ctx *ctx)
{
	return container_of(ctx, struct fuse_call, ctx);
}

__bpf_kfunc_start_defs();

/* See <linux/fuse_filter.h> for what these promise. */
__bpf_kfunc int bpf_fuse_name(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz)
{
	struct fuse_call *call = call_of(ctx);
	u32 len = call->name ? min(ctx->name_len, buf__sz) : 0;

	memcpy(buf, call->name, len);
	memset(buf + len, 0, buf__sz - len);
	return ctx->name_len;
}

__bpf_kfunc int bpf_fuse_set_state(struct fuse_filter_ctx *ctx, u64 state)
{
	struct fuse_call *call = call_of(ctx);

	if (!call->next)
		return -EINVAL;
	call->next[call->which] = state;
	return 0;
}

__bpf_kfunc int bpf_fuse_set_asks(struct fuse_filter_ctx *ctx, u32 accesses)
{
	struct fuse_call *call = call_of(ctx);

	if (!call->asks || accesses & ~FUSE_ACCESS_ALL)
		return -EINVAL;
	*call->asks |= accesses;
	return 0;
}

__bpf_kfunc u32 bpf_fuse_data(struct fuse_filter_ctx *ctx, u32 index)
{
	const struct fuse_data *data = call_of(ctx)->data;

	return data && index < data->nr ? data->words[index] : 0;
}

/* The path of a name in @dir, at the start of @buf. */
static int write_path(struct dentry *dir, const char *name, u32 len, char *buf, int size)
{
	char *path = dentry_path_raw(dir, buf, size);
	int n;

	if (IS_ERR(path))
		return PTR_ERR(path);
	n = strlen(path);
	memmove(buf, path, n);
	/* Only the root's ends with a slash. */
	if (n > 1)
		buf[n++] = '/';
	if (n + len >= size)
		return -ENAMETOOLONG;
	memcpy(buf + n, name, len);
	buf[n + len] = '\0';
	return n + len;
}

__bpf_kfunc int bpf_fuse_path(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz)
{
	struct fuse_call *call = call_of(ctx);

	if (ctx->op != FUSE_FILTER_ACCESS || !call->dir || buf__sz > INT_MAX)
		return -EINVAL;
	return write_path(call->dir, call->name, ctx->name_len, buf, buf__sz);
}

__bpf_kfunc int bpf_fuse_set_attr(struct fuse_filter_ctx *ctx, const struct fuse_filter_attr *attr)
{
	struct fuse_call *call = call_of(ctx);
	struct fuse_filter_attr new = *attr;
	u32 setid = S_ISUID | S_ISGID;
	u32 type = ctx->mode & S_IFMT;

	/* The type may be left out, but not changed. */
	if (!call->attr || ((new.mode ^ type) & ~S_IALLUGO && new.mode & ~S_IALLUGO))
		return -EINVAL;
	if (!kuid_has_mapping(call->user_ns, KUIDT_INIT(new.uid)) ||
	    !kgid_has_mapping(call->user_ns, KGIDT_INIT(new.gid)))
		return -EINVAL;
	/* A program can't make one that runs as somebody else out of one that doesn't. */
	if (new.uid != call->attr->uid || new.gid != call->attr->gid)
		new.mode &= ~setid;
	if (new.mode & setid & ~call->attr->mode)
		return -EINVAL;
	new.mode &= S_IALLUGO;
	new.mode |= type;
	*call->attr = new;
	call->changed = true;
	return 0;
}

__bpf_kfunc int bpf_fuse_value(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz)
{
	struct fuse_call *call = call_of(ctx);
	const struct fuse_value *value;

	if (!call->value)
		return -ENODATA;
	value = &call->value[call->which];
	if (value->len < 0)
		return value->len;
	if (value->len > buf__sz)
		return -ERANGE;
	memcpy(buf, value->bytes, value->len);
	return value->len;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(kfunc_ids)
BTF_ID_FLAGS(func, bpf_fuse_name, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fuse_set_state, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fuse_set_asks, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fuse_data, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fuse_path, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fuse_set_attr, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpf_fuse_value, KF_TRUSTED_ARGS)
BTF_KFUNCS_END(kfunc_ids)

#ifndef MODULE
BTF_ID_LIST_SINGLE(ops_type_id, struct, fuse_filter_ops)
#endif

/*
 * All programs of struct_ops, whatever for, share the list of functions. Other kinds could not get
 * hold of our context, but they are not even to try. A module has a list of its own, though its
 * BTF ids were moved when it was loaded and can't be compared.
 */
static int kfunc_filter(const struct bpf_prog *prog, u32 id)
{
#ifdef MODULE
	return prog->aux->attach_btf == our_btf ? 0 : -EACCES;
#else
	if (!btf_id_set8_contains(&kfunc_ids, id))
		return 0;
	return prog->aux->attach_btf == our_btf && prog->aux->attach_btf_id == ops_type_id[0]
		       ? 0
		       : -EACCES;
#endif
}

static const struct btf_kfunc_id_set kfunc_set = {
	.owner = THIS_MODULE,
	.set = &kfunc_ids,
	.filter = kfunc_filter,
};

/* Without BTF, registering does nothing and says so in the log; filters are then not on offer. */
int fuse_filters_init(void)
{
	int err = register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS, &kfunc_set);

	return err ?: register_bpf_struct_ops(&fuse_struct_ops, fuse_filter_ops);
}

bool fuse_filters_offered(void)
{
	return our_btf;
}
