// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy: what a container may see and do. See policy.md.
 *
 * The policy of a view is in its data, as a table that driver/policy/step.h describes and decides
 * with, here and in the daemon. What the kernel keeps with each directory is its state in the table,
 * and one; 0 where nothing below is governed, so that nothing is asked there.
 */
#include "filter.bpf.h"
#include "loop.bpf.h"
#include "policy-view.h"
#include "turns.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct mnt_namespace {
	unsigned long long seq;
} __attribute__((preserve_access_index));

struct nsproxy {
	struct mnt_namespace *mnt_ns;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid;
	char comm[POLICY_COMM_LEN];
	struct nsproxy *nsproxy;
} __attribute__((preserve_access_index));

static __always_inline unsigned int word_of(struct fuse_filter_ctx *ctx, unsigned int index)
{
	return bpf_fuse_data(ctx, POLICY_DATA_TABLE + index);
}

#define LAMINA_POLICY_TABLE		 struct fuse_filter_ctx *
#define LAMINA_POLICY_WORD(table, index) word_of(table, index)

/* The compiler knows where a name ends; the verifier is only convinced by what it can't leave out. */
#define LAMINA_POLICY_BYTE(name, i)                                         \
	({                                                                  \
		unsigned long long byte = (i);                              \
		asm volatile("%0 &= %1" : "+r"(byte) : "i"(NAME_SIZE - 1)); \
		(unsigned char)(name)[byte];                                \
	})
/* What follows a name is zero. The first byte is the lowest, as in the policy's words. */
#define LAMINA_POLICY_BYTES(name, length, i)                                    \
	({                                                                      \
		unsigned long long word = (i) / 4;                              \
		asm volatile("%0 &= %1" : "+r"(word) : "i"(NAME_SIZE / 4 - 1)); \
		LOWEST_FIRST(((const unsigned int *)(name))[word]);             \
	})
#define NAME_SIZE 256

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOWEST_FIRST(word) (word)
#else
#define LOWEST_FIRST(word) __builtin_bswap32(word)
#endif

#include "policy/step.h"

_Static_assert(NAME_SIZE == LAMINA_POLICY_NAME_MAX + 1, "names");

#define UNNAMED "#unnamed"
#define EXDEV	18

/* What can be done to an object, whatever names it has. */
#define TO_THE_OBJECT                                                                          \
	(BIT(FUSE_ACCESS_READ_FILE) | BIT(FUSE_ACCESS_WRITE_FILE) | BIT(FUSE_ACCESS_EXECUTE) | \
	 BIT(FUSE_ACCESS_TRUNCATE) | BIT(FUSE_ACCESS_CHMOD) | BIT(FUSE_ACCESS_CHOWN) |         \
	 BIT(FUSE_ACCESS_XATTR))

#define ALL_BUT_SEE (BIT(FUSE_ACCESSES) - 1 - BIT(FUSE_ACCESS_SEE))

/* The two are numbered alike. */
_Static_assert((int)LAMINA_ACCESS_SEE == FUSE_ACCESS_SEE, "see");
_Static_assert((int)LAMINA_ACCESS_XATTR == FUSE_ACCESS_XATTR, "xattr");
_Static_assert((int)LAMINA_POLICY_BITS == FUSE_ACCESSES, "accesses");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct policy_ring);
} ring SEC(".maps");

/* How many events a view may still tell of. One that is forgotten begins anew. */
struct allowance {
	__u64 refilled;
	__u32 tokens;
	__u32 left_out;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct allowance);
} allowances SEC(".maps");

/* As base/limits.h has them: events in a second in the long run, and at once. */
#define RATE	  500
#define BURST	  2000
#define NANO_EACH (1000000000ULL / RATE)

/* ---- paths ---- */

/*
 * The path, as the policy has it: a file without a name is #unnamed. @size: a constant. Returns false if
 * it is longer.
 */
static __always_inline bool get_path(struct fuse_filter_ctx *ctx, char *ret, unsigned int size)
{
	int n = bpf_fuse_path(ctx, ret, size);

	if (n < 0)
		return false;
	if (!(ctx->flags & FUSE_FILTER_UNNAMED))
		return true;
	n -= (int)ctx->name_len;
	if (n < 0 || n > (int)(size - sizeof(UNNAMED)))
		return false;
	__builtin_memcpy(ret + n, UNNAMED, sizeof(UNNAMED));
	return true;
}

/* What is to be run is read as well. */
static __always_inline unsigned int accesses_of(const struct fuse_filter_ctx *ctx)
{
	if (ctx->access & BIT(FUSE_ACCESS_EXECUTE))
		return ctx->access | BIT(FUSE_ACCESS_READ_FILE);
	return ctx->access;
}

/* ---- what is used ---- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, POLICY_LEARNERS);
	__type(key, __u32);
	__type(value, struct policy_learner);
} learners SEC(".maps");

struct uses {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, POLICY_LEARNERS);
	__type(key, __u32);
	__array(values, struct uses);
} uses SEC(".maps");

/* Most paths are short; the others take as much room as any may. */
#define SHORT_USE 256
#define LONG_USE  (sizeof(struct policy_use) + 4096)

static __always_inline bool learns(struct fuse_filter_ctx *ctx)
{
	return bpf_fuse_data(ctx, POLICY_DATA_FLAGS) & POLICY_DATA_LEARNS;
}

/* @room: a constant. Returns false if there is none, or if it is too little. */
static __always_inline bool put_use(struct fuse_filter_ctx *ctx, void *ring, __u32 room)
{
	struct policy_use *use = bpf_ringbuf_reserve(ring, room, 0);

	if (!use)
		return false;
	if (!get_path(ctx, use->path, room - sizeof(*use))) {
		bpf_ringbuf_discard(use, 0);
		return false;
	}
	use->pid = bpf_get_current_task_btf()->pid;
	use->accesses = accesses_of(ctx);
	use->flags = 0;
	if (ctx->flags & FUSE_FILTER_COMES) {
		use->flags = POLICY_USE_COMES;
		if ((ctx->mode & S_IFMT) == S_IFDIR)
			use->flags |= POLICY_USE_DIR;
	}
	bpf_ringbuf_submit(use, 0);
	return true;
}

static __always_inline void tell_use(struct fuse_filter_ctx *ctx)
{
	__u32 view = ctx->view;
	struct policy_learner *learner = bpf_map_lookup_elem(&learners, &view);
	void *ring = bpf_map_lookup_elem(&uses, &view);

	/* Who was asked about as part of a listing has used nothing by that. */
	if (!learner || !ring || ctx->flags & FUSE_FILTER_LISTED)
		return;
	if (!put_use(ctx, ring, SHORT_USE) && !put_use(ctx, ring, LONG_USE))
		__sync_fetch_and_add(&learner->lost, 1);
}

/* ---- what is governed ---- */

static __always_inline bool has_policy(struct fuse_filter_ctx *ctx)
{
	return bpf_fuse_data(ctx, POLICY_DATA_MAGIC) == POLICY_DATA_IS;
}

static __always_inline bool is_bound(const struct fuse_filter_ctx *ctx)
{
	const struct task_struct *task = bpf_get_current_task_btf();

	/* Who is about to end has no namespaces any more. */
	return task->nsproxy->mnt_ns->seq != (ctx->cookie & ~POLICY_COOKIE);
}

/* The accesses to what has a state that have to be asked about. */
static __always_inline unsigned int asks_of(struct fuse_filter_ctx *ctx, unsigned int state)
{
	unsigned int states = word_of(ctx, LAMINA_POLICY_AT_STATES);
	unsigned int row = word_of(ctx, states + state * LAMINA_POLICY_STATE_WORDS + 1);

	return bpf_fuse_data(ctx, bpf_fuse_data(ctx, POLICY_DATA_MASKS) + row);
}

/* Does every name below what has a state lead to it again? */
static __always_inline bool is_same_below(struct fuse_filter_ctx *ctx, unsigned int state)
{
	unsigned int states = word_of(ctx, LAMINA_POLICY_AT_STATES);
	unsigned int group = word_of(ctx, states + state * LAMINA_POLICY_STATE_WORDS);

	return word_of(ctx,
		       word_of(ctx, LAMINA_POLICY_AT_GROUPS) + group * LAMINA_POLICY_GROUP_WORDS) &
	       LAMINA_POLICY_SAME;
}

/* The state of the directory that a name is in; there is one. */
static __always_inline unsigned int state_of_dir(struct fuse_filter_ctx *ctx)
{
	return ctx->state & POLICY_COOKIE ? lamina_policy_root(ctx) : (unsigned int)ctx->state - 1;
}

/* Returns false if the name can't be. */
static __always_inline bool state_of_name(struct fuse_filter_ctx *ctx, unsigned int *ret)
{
	char name[NAME_SIZE] __attribute__((aligned(8))) = UNNAMED;
	unsigned int length = sizeof(UNNAMED) - 1;

	if (!(ctx->flags & FUSE_FILTER_UNNAMED))
		length = (unsigned int)bpf_fuse_name(ctx, name, sizeof(name));
	if (length > LAMINA_POLICY_NAME_MAX)
		return false;
	*ret = lamina_policy_step(ctx, state_of_dir(ctx), name, length);
	return true;
}

FILTER_CALLBACK(policy_name)
{
	unsigned int state, asks;

	if (!ctx->state || !has_policy(ctx))
		return FUSE_FILTER_PASS;
	if (!state_of_name(ctx, &state))
		return -EIO;
	asks = asks_of(ctx, state);
	/* Who learns hears of everything that somebody does. */
	if (learns(ctx))
		asks |= ALL_BUT_SEE;
	bpf_fuse_set_asks(ctx, asks);
	if (asks || !is_same_below(ctx, state))
		bpf_fuse_set_state(ctx, 1ULL + state);
	return FUSE_FILTER_PASS;
}

/* ---- telling ---- */

/* May the view tell of one event more? @ret_left_out: how many it couldn't before. */
static __always_inline bool may_tell(__u32 view, __u32 *ret_left_out)
{
	struct allowance *a = bpf_map_lookup_elem(&allowances, &view);
	__u64 now = bpf_ktime_get_ns(), more;

	*ret_left_out = 0;
	if (!a) {
		struct allowance new = {.refilled = now, .tokens = BURST - 1};

		bpf_map_update_elem(&allowances, &view, &new, BPF_ANY);
		return true;
	}
	/* Two at a time may count one wrongly: it is a limit against floods. */
	more = (now - a->refilled) / NANO_EACH;
	if (more) {
		a->refilled = now;
		a->tokens = a->tokens + more > BURST ? BURST : a->tokens + more;
	}
	if (!a->tokens) {
		a->left_out++;
		return false;
	}
	a->tokens--;
	*ret_left_out = a->left_out;
	a->left_out = 0;
	return true;
}

static __always_inline void tell(struct fuse_filter_ctx *ctx, unsigned int access,
				 unsigned int verdict)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	struct policy_event *event;
	struct policy_ring *r;
	__u32 zero = 0, left_out;
	__u64 number;

	if (!may_tell(ctx->view, &left_out))
		return;
	r = bpf_map_lookup_elem(&ring, &zero);
	if (!r)
		return;
	number = __sync_fetch_and_add(&r->head, 1);
	event = &r->events[number % POLICY_EVENTS];
	if (!begin_turn(&event->turn))
		return;
	event->time = bpf_ktime_get_boot_ns();
	event->view = ctx->view;
	event->pid = task->pid;
	event->access = access;
	event->verdict = verdict;
	event->id = bpf_fuse_data(ctx, POLICY_DATA_ID);
	event->left_out = left_out;
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), &task->comm);
	if (!get_path(ctx, event->path, sizeof(event->path)))
		event->path[0] = '\0';
	end_turn(&event->turn, number);
}

/* ---- deciding ---- */

static __always_inline int refusal(unsigned int verdict)
{
	int number = lamina_verdict_errno(verdict);

	return number ? -number : -EACCES;
}

/* Each access is told of that has to be, up to the first that is refused. */
static __always_inline int decide(struct fuse_filter_ctx *ctx, unsigned int state)
{
	unsigned int access, accesses = accesses_of(ctx);

	LAMINA_POLICY_FOR(access, LAMINA_POLICY_BITS)
	{
		unsigned int verdict;
		bool refused;

		if (!(accesses >> access & 1))
			continue;
		verdict = lamina_policy_verdict(ctx, state, access);
		if (lamina_verdict_action(verdict) == LAMINA_ACTION_ALLOW)
			continue;
		refused = lamina_verdict_refuses(verdict);
		/* Names that are left out of a listing are nothing that anybody asked for. */
		if (!(ctx->flags & FUSE_FILTER_LISTED) || (refused && access != LAMINA_ACCESS_SEE))
			tell(ctx, access, verdict);
		if (refused)
			return refusal(verdict);
	}
	return 0;
}

/* What is refused to what has a state; 0 for all of which nothing is governed. */
static __always_inline bool is_refused(struct fuse_filter_ctx *ctx, __u64 state,
				       unsigned int access, unsigned int *ret_verdict)
{
	*ret_verdict = 0;
	if (!state)
		return false;
	*ret_verdict = lamina_policy_verdict(ctx, (unsigned int)state - 1, access);
	return lamina_verdict_refuses(*ret_verdict);
}

/*
 * The new name must not allow what the old one refuses. Of a directory all that is in it would have
 * to be compared: it only goes where the policy says the same.
 */
static __always_inline int check_evaded(struct fuse_filter_ctx *ctx, __u64 from, __u64 to)
{
	bool is_dir = (ctx->mode & S_IFMT) == S_IFDIR, evaded = false;
	unsigned int access, verdict = 0, there;

	if (!(bpf_fuse_data(ctx, POLICY_DATA_FLAGS) & POLICY_DATA_REFUSES) || from == to)
		return 0;
	LAMINA_POLICY_FOR(access, LAMINA_POLICY_BITS)
	{
		if (!(TO_THE_OBJECT >> access & 1) || !is_refused(ctx, from, access, &verdict) ||
		    is_refused(ctx, to, access, &there))
			continue;
		evaded = true;
		break;
	}
	if (!evaded && !is_dir)
		return 0;
	if (!evaded)
		is_refused(ctx, from, LAMINA_ACCESS_REFER, &verdict);
	tell(ctx, LAMINA_ACCESS_REFER,
	     lamina_verdict(LAMINA_ACTION_ERRNO, EXDEV, lamina_verdict_rule(verdict)));
	return -EXDEV;
}

FILTER_CALLBACK(policy_access)
{
	__u64 kept = 0;
	unsigned int state = 0;
	int err = 0;

	if (!has_policy(ctx))
		return FUSE_FILTER_PASS;
	/* Where nothing is governed, all that there is to say is about where something comes from. */
	if (ctx->state) {
		if (ctx->flags & FUSE_FILTER_ROOT)
			state = lamina_policy_root(ctx);
		else if (!state_of_name(ctx, &state))
			return -EIO;
		if (asks_of(ctx, state) || !is_same_below(ctx, state))
			kept = 1ULL + state;
	}
	bpf_fuse_set_state(ctx, kept);
	if (!is_bound(ctx))
		return FUSE_FILTER_PASS;
	if (kept)
		err = decide(ctx, state);
	if (!err && ctx->flags & FUSE_FILTER_COMES)
		err = check_evaded(ctx, ctx->from, kept);
	if (!err && learns(ctx))
		tell_use(ctx);
	return err;
}

/* Who is bound can't change what binds him, or look at it. */
FILTER_CALLBACK(policy_gate)
{
	return is_bound(ctx) ? -EPERM : FUSE_FILTER_PASS;
}

SEC(".struct_ops.link")
struct fuse_filter_ops policy = {
	.name = (void *)policy_name,
	.access = (void *)policy_access,
	.gate = (void *)policy_gate,
	.ops = BIT(FUSE_FILTER_DATA),
	.flags = FUSE_FILTER_BY_DATA | FUSE_FILTER_BY_STATE,
	.id = "policy",
};
