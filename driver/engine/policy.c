// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking the policy in force. A question is answered under the table's `lock` for whoever asks; only
 * if the answer is not that all is plainly allowed it matters who does.
 */
#include "engine/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"

/* How the kernel says that a file is opened to be run: its __FMODE_EXEC. */
#define OPEN_TO_RUN 0x20u

/* What is asked about: an object, or a name in a directory. */
struct subject {
	struct node *node; /* or NULL */
	struct node *parent;
	const char *name;
};

/* What the policy says to a question, for who is bound. */
struct answer {
	struct lamina_active *active; /* referenced; NULL: no policy */
	unsigned int verdicts[LAMINA_POLICY_BITS];
	bool plain; /* nothing is refused, and nothing is to be told */
};

static void answer_done(struct answer *answer)
{
	lamina_active_unref(answer->active);
}

static unsigned int verdict_of(const struct lamina_active *active, unsigned int state,
			       unsigned int access)
{
	return lamina_policy_verdict(&active->table, state, access);
}

/* ---- what the policy says; under `lock` ---- */

static unsigned int state_of_name(struct lamina_fs *fs, struct node *parent, const char *name)
{
	const struct lamina_active *active = fs->policy.guard->active;

	return lamina_policy_step(&active->table, policy_state_of_dir(fs, parent), name,
				  (unsigned int)strlen(name));
}

/*
 * Nobody tells by which of its names an object is reached. Who is bound can only have come by one that
 * is not hidden; of these the strictest counts.
 */
static unsigned int verdict_of_node(struct lamina_fs *fs, struct node *node, unsigned int access)
{
	const struct lamina_active *active = fs->policy.guard->active;
	unsigned int strictest = 0, hidden = 0;
	struct alias *alias = node->aliases ? node->aliases : node->last_alias;

	if (node == fs->table.root)
		return verdict_of(active, lamina_policy_root(&active->table), access);
	for (; alias; alias = alias->next) {
		unsigned int state = policy_state_of_alias(fs, alias);
		unsigned int see = verdict_of(active, state, LAMINA_ACCESS_SEE);
		unsigned int verdict = verdict_of(active, state, access);

		if (lamina_verdict_refuses(see))
			hidden = see;
		else if (lamina_verdict_action(verdict) > lamina_verdict_action(strictest))
			strictest = verdict;
	}
	/* None at all, which cannot be: no action, and so a refusal. */
	return strictest ? strictest : hidden;
}

static unsigned int verdict_of_subject(struct lamina_fs *fs, const struct subject *s,
				       unsigned int access)
{
	if (s->node)
		return verdict_of_node(fs, s->node, access);
	return verdict_of(fs->policy.guard->active, state_of_name(fs, s->parent, s->name), access);
}

static bool is_asked(unsigned int accesses, unsigned int access)
{
	return accesses >> access & 1;
}

/* Answer for each of @accesses. */
static void look(struct lamina_fs *fs, const struct subject *s, unsigned int accesses,
		 struct answer *ret)
{
	struct lamina_active *active = fs->policy.guard->active;
	unsigned int state = 0;

	*ret = (struct answer){.plain = true};
	if (!active)
		return;
	ret->active = lamina_active_ref(active);
	if (!s->node)
		state = state_of_name(fs, s->parent, s->name);
	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
		if (!is_asked(accesses, access))
			continue;
		ret->verdicts[access] = s->node ? verdict_of_node(fs, s->node, access)
						: verdict_of(active, state, access);
		ret->plain &= lamina_verdict_action(ret->verdicts[access]) == LAMINA_ACTION_ALLOW;
	}
}

/* ---- who is told ---- */

/* Put what is before @text, which grows to the front, in front of it. */
static char *prepend(char *start, const char *buffer, const char *name)
{
	size_t n = strlen(name);

	if ((size_t)(start - buffer) < n + 1)
		return NULL;
	start -= n;
	memcpy(start, name, n);
	*--start = '/';
	return start;
}

/*
 * The path of a name of @s, in @buffer; of one that is too long the end, which begins in another
 * directory than the root then: *@ret_whole is false. Under `lock`.
 */
static const char *path_of(struct lamina_fs *fs, const struct subject *s,
			   char buffer[LAMINA_EVENT_PATH_MAX], bool *ret_whole)
{
	char *start = &buffer[LAMINA_EVENT_PATH_MAX - 1], *longer;
	const struct node *node = s->node;

	*start = '\0';
	if (!node) {
		longer = prepend(start, buffer, s->name);
		start = longer ? longer : start;
		node = s->parent;
	}
	while (node != fs->table.root) {
		const struct alias *alias = node->aliases ? node->aliases : node->last_alias;

		longer = alias ? prepend(start, buffer, alias->name) : NULL;
		if (!longer)
			break;
		start = longer;
		node = alias->parent;
	}
	*ret_whole = node == fs->table.root;
	if (!*start)
		*--start = '/';
	return start;
}

const char *policy_path(struct lamina_fs *fs, struct node *parent, const char *name,
			char buffer[LAMINA_EVENT_PATH_MAX])
{
	const struct subject s = {.parent = parent, .name = name};
	bool whole;
	const char *path = path_of(fs, &s, buffer, &whole);

	return whole ? path : NULL;
}

static void tell(const struct wire_request *r, const struct answer *a, const char *path,
		 unsigned int access, unsigned int verdict)
{
	struct lamina_guard *guard = fs_of(r)->policy.guard;
	const struct lamina_event event = {
		.pid = (pid_t)r->in->pid,
		.path = path,
		.access = access,
		.verdict = verdict,
		.active = a->active,
	};

	lamina_audit_write(&guard->audit, &guard->callers, &event);
}

static errint_t refusal(unsigned int verdict)
{
	unsigned int number = lamina_verdict_errno(verdict);

	return number ? -(errint_t)number : -EACCES;
}

/* The caller is bound: write down what is to be, up to the first refusal, which is returned. */
static errint_t enforce(const struct wire_request *r, const struct answer *a, const char *path,
			unsigned int accesses)
{
	for (unsigned int access = 0; a->active && access < LAMINA_POLICY_BITS; access++) {
		unsigned int verdict = a->verdicts[access];
		bool refused;

		if (!is_asked(accesses, access) ||
		    lamina_verdict_action(verdict) == LAMINA_ACTION_ALLOW)
			continue;
		refused = lamina_verdict_refuses(verdict);
		if (refused || !(accesses & POLICY_QUIET))
			tell(r, a, path, access, verdict);
		if (refused)
			return refusal(verdict);
	}
	return 0;
}

static bool is_learning(const struct lamina_fs *fs)
{
	return atomic_load_explicit(&fs->policy.guard->audit.learning, memory_order_relaxed);
}

static bool is_bound(const struct wire_request *r)
{
	return lamina_caller_is_bound(&fs_of(r)->policy.guard->callers, (pid_t)r->in->pid);
}

static errint_t ask(const struct wire_request *r, const struct subject *s, unsigned int accesses)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_(answer_done) struct answer a = {0};
	char buffer[LAMINA_EVENT_PATH_MAX];
	const char *path;
	errint_t err;
	bool whole;

	if (!(accesses & LAMINA_ACCESS_ALL))
		accesses |= LAMINA_ACCESS_SEEN;
	pthread_mutex_lock(&fs->table.lock);
	look(fs, s, accesses, &a);
	pthread_mutex_unlock(&fs->table.lock);
	if ((a.plain && !is_learning(fs)) || !is_bound(r))
		return 0;
	pthread_mutex_lock(&fs->table.lock);
	path = path_of(fs, s, buffer, &whole);
	pthread_mutex_unlock(&fs->table.lock);
	err = enforce(r, &a, path, accesses);
	if (err == 0 && is_learning(fs) && (accesses & LAMINA_ACCESS_ALL))
		lamina_audit_note(&fs->policy.guard->audit, path, accesses & LAMINA_ACCESS_ALL);
	return err;
}

errint_t policy_object(const struct wire_request *r, struct object *o, unsigned int accesses)
{
	const struct subject s = {.node = o->node};

	return policy_on(o->fs) ? ask(r, &s, accesses) : 0;
}

errint_t policy_name(const struct wire_request *r, struct object *parent, const char *name,
		     unsigned int accesses)
{
	const struct subject s = {.parent = parent->node, .name = name};

	return policy_on(parent->fs) ? ask(r, &s, accesses) : 0;
}

/* ---- other names ---- */

/* What can be done to an object, whatever names it has. */
#define TO_THE_OBJECT                                                           \
	(POLICY_BIT(READ_FILE) | POLICY_BIT(WRITE_FILE) | POLICY_BIT(EXECUTE) | \
	 POLICY_BIT(TRUNCATE) | POLICY_BIT(CHMOD) | POLICY_BIT(CHOWN) | POLICY_BIT(XATTR))

/*
 * Whether something can be done to an object of @type at @to that is refused at @from. Of a directory
 * all that lies in it would have to be compared: it only goes where the policy says the same. Under
 * `lock`. Returns the verdict that would be got around; 0: none.
 */
static unsigned int evaded(struct lamina_fs *fs, mode_t type, const struct subject *from,
			   const struct subject *to)
{
	const struct lamina_active *active = fs->policy.guard->active;
	bool same = S_ISDIR(type) && !from->node &&
		    state_of_name(fs, from->parent, from->name) ==
			    state_of_name(fs, to->parent, to->name);

	if (!active->refuses || same)
		return 0;
	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
		unsigned int verdict = verdict_of_subject(fs, from, access);

		if (is_asked(TO_THE_OBJECT, access) && lamina_verdict_refuses(verdict) &&
		    !lamina_verdict_refuses(verdict_of_subject(fs, to, access)))
			return verdict;
	}
	return S_ISDIR(type) ? verdict_of_subject(fs, from, LAMINA_ACCESS_REFER) : 0;
}

static errint_t ask_evaded(const struct wire_request *r, mode_t type, const struct subject *from,
			   const struct subject *to)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_(answer_done) struct answer a = {0};
	char from_buffer[LAMINA_EVENT_PATH_MAX], to_buffer[LAMINA_EVENT_PATH_MAX];
	const char *from_path, *to_path;
	unsigned int verdict = 0;
	bool whole;

	pthread_mutex_lock(&fs->table.lock);
	a.active = lamina_active_ref(fs->policy.guard->active);
	if (a.active)
		verdict = evaded(fs, type, from, to);
	from_path = path_of(fs, from, from_buffer, &whole);
	to_path = path_of(fs, to, to_buffer, &whole);
	pthread_mutex_unlock(&fs->table.lock);
	if ((!verdict && !is_learning(fs)) || !is_bound(r))
		return 0;
	if (!verdict) {
		lamina_audit_note_move(&fs->policy.guard->audit, from_path, to_path, S_ISDIR(type));
		return 0;
	}
	tell(r, &a, to_path, LAMINA_ACCESS_REFER,
	     lamina_verdict(LAMINA_ACTION_ERRNO, EXDEV, lamina_verdict_rule(verdict)));
	return -EXDEV;
}

errint_t policy_link(const struct wire_request *r, struct object *o, struct object *parent,
		     const char *name)
{
	const struct subject from = {.node = o->node}, to = {.parent = parent->node, .name = name};
	errint_t err;

	if (!policy_on(o->fs))
		return 0;
	err = ask(r, &from, POLICY_BIT(REFER));
	if (err == 0)
		err = ask(r, &to, POLICY_BIT(REFER) | policy_make_bit(o->node->type));
	return err < 0 ? err : ask_evaded(r, o->node->type, &from, &to);
}

errint_t policy_move(const struct wire_request *r, struct object *o, struct object *from_parent,
		     const char *from_name, struct object *parent, const char *name)
{
	const struct subject from = {.parent = from_parent->node, .name = from_name};
	const struct subject to = {.parent = parent->node, .name = name};
	mode_t type = o->node->type;
	errint_t err;

	if (!policy_on(o->fs))
		return 0;
	err = ask(r, &from, POLICY_BIT(REFER) | policy_remove_bit(type));
	if (err == 0)
		err = ask(r, &to, POLICY_BIT(REFER) | policy_make_bit(type));
	return err < 0 ? err : ask_evaded(r, type, &from, &to);
}

bool policy_move_mattered(struct lamina_fs *fs, struct object *from_parent, const char *from_name,
			  struct object *parent, const char *name)
{
	bool differs;

	if (!policy_on(fs))
		return false;
	pthread_mutex_lock(&fs->table.lock);
	differs = fs->policy.guard->active && state_of_name(fs, from_parent->node, from_name) !=
						      state_of_name(fs, parent->node, name);
	pthread_mutex_unlock(&fs->table.lock);
	return differs;
}

/* ---- accesses ---- */

unsigned int policy_make_bit(mode_t type)
{
	switch (type & S_IFMT) {
	case S_IFDIR:
		return POLICY_BIT(MAKE_DIR);
	case S_IFLNK:
		return POLICY_BIT(MAKE_SYM);
	case S_IFSOCK:
		return POLICY_BIT(MAKE_SOCK);
	case S_IFIFO:
		return POLICY_BIT(MAKE_FIFO);
	case S_IFCHR:
		return POLICY_BIT(MAKE_CHAR);
	case S_IFBLK:
		return POLICY_BIT(MAKE_BLOCK);
	default:
		return POLICY_BIT(MAKE_REG);
	}
}

unsigned int policy_remove_bit(mode_t type)
{
	return S_ISDIR(type) ? POLICY_BIT(REMOVE_DIR) : POLICY_BIT(REMOVE_FILE);
}

unsigned int policy_open_bits(unsigned int flags)
{
	unsigned int bits;

	if (flags & OPEN_TO_RUN)
		return POLICY_BIT(EXECUTE);
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		bits = POLICY_BIT(READ_FILE);
		break;
	case O_WRONLY:
		bits = POLICY_BIT(WRITE_FILE);
		break;
	default:
		bits = POLICY_BIT(READ_FILE) | POLICY_BIT(WRITE_FILE);
		break;
	}
	return flags & O_TRUNC ? bits | POLICY_BIT(TRUNCATE) : bits;
}

/* ---- listings, and what the kernel may keep ---- */

bool policy_hides(struct lamina_fs *fs, struct node *node)
{
	const struct lamina_active *active;
	bool hidden = false;

	if (!policy_on(fs))
		return false;
	pthread_mutex_lock(&fs->table.lock);
	active = fs->policy.guard->active;
	if (active && active->hides)
		for (struct alias *alias = node->aliases ? node->aliases : node->last_alias;
		     alias && !hidden; alias = alias->next)
			hidden = lamina_active_hidden(active, policy_state_of_alias(fs, alias));
	pthread_mutex_unlock(&fs->table.lock);
	return hidden;
}

void policy_listing_begin(const struct wire_request *r, struct object *dir,
			  struct policy_listing *ret)
{
	struct lamina_fs *fs = dir->fs;
	struct lamina_active *active;

	*ret = (struct policy_listing){.governed = is_learning(fs)};
	if (!policy_on(fs))
		return;
	pthread_mutex_lock(&fs->table.lock);
	active = fs->policy.guard->active;
	if (active) {
		unsigned int verdict = verdict_of_node(fs, dir->node, LAMINA_ACCESS_READ_DIR);

		ret->governed |= lamina_verdict_action(verdict) != LAMINA_ACTION_ALLOW;
		ret->state = policy_state_of_dir(fs, dir->node);
		if (lamina_active_hides_in(active, ret->state))
			ret->active = lamina_active_ref(active);
	}
	pthread_mutex_unlock(&fs->table.lock);
	ret->bound = ret->active && is_bound(r);
}

void policy_listing_done(struct policy_listing *listing)
{
	lamina_active_unref(listing->active);
	listing->active = NULL;
}

bool policy_listing_hides(const struct policy_listing *listing, const char *name)
{
	unsigned int state;

	if (!listing->active)
		return false;
	state = lamina_policy_step(&listing->active->table, listing->state, name,
				   (unsigned int)strlen(name));
	return lamina_active_hidden(listing->active, state);
}

/* ---- what is in force ---- */

void policy_init(struct lamina_fs *fs, struct lamina_guard *guard)
{
	fs->policy = (struct fs_policy){.guard = guard, .epoch = 1};
	atomic_store(&fs->policy.on, guard->active != NULL);
}

void policy_agree(struct lamina_fs *fs, bool always)
{
	if (always || fs->policy.guard->always)
		fs->policy.opens = POLICY_OPENS_ALWAYS;
	else if (policy_obstacle(fs))
		fs->policy.opens = POLICY_OPENS_NEVER;
	else
		fs->policy.opens = POLICY_OPENS_AT_START;
}

const char *policy_obstacle(struct lamina_fs *fs)
{
	/* The kernel writes collected data, and times, when it likes and as itself. */
	if (fs->options.writeback)
		return "a mount with writeback=1 takes no policy";
	if (fs->policy.guard->callers_err < 0)
		return "the mount program finds no /proc of its own pid namespace, and so can't "
		       "tell "
		       "who is bound by a policy";
	return NULL;
}

struct lamina_active *policy_set(struct lamina_fs *fs, struct lamina_active *active)
{
	struct lamina_active *before;

	pthread_mutex_lock(&fs->table.lock);
	before = fs->policy.guard->active;
	fs->policy.guard->active = active;
	policy_forget_states(fs);
	atomic_store(&fs->policy.on, active != NULL);
	pthread_mutex_unlock(&fs->table.lock);
	return before;
}

struct lamina_active *policy_get(struct lamina_fs *fs)
{
	struct lamina_active *active;

	pthread_mutex_lock(&fs->table.lock);
	active = lamina_active_ref(fs->policy.guard->active);
	pthread_mutex_unlock(&fs->table.lock);
	return active;
}

bool policy_keep_opens(struct lamina_fs *fs)
{
	bool kept;

	pthread_mutex_lock(&fs->table.lock);
	if (fs->policy.opens == POLICY_OPENS_AT_START)
		fs->policy.opens = POLICY_OPENS_ALWAYS;
	kept = fs->policy.opens == POLICY_OPENS_ALWAYS;
	pthread_mutex_unlock(&fs->table.lock);
	return kept;
}

bool policy_answers_opens(struct lamina_fs *fs, bool exec)
{
	bool answers;

	if (atomic_load_explicit(&fs->policy.opens, memory_order_relaxed) == POLICY_OPENS_ALWAYS)
		return true;
	pthread_mutex_lock(&fs->table.lock);
	if (fs->policy.opens == POLICY_OPENS_AT_START &&
	    (exec || ++fs->policy.n_opens >= LAMINA_OPENS_AT_START))
		fs->policy.opens = POLICY_OPENS_NEVER;
	answers = fs->policy.opens != POLICY_OPENS_NEVER;
	pthread_mutex_unlock(&fs->table.lock);
	return answers;
}
