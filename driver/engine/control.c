// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Doing what the control ioctl asks for. The caller waits, so its fds stay what they are.
 */
#include "engine/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/spare.h"
#include "engine/policy.h"
#include "engine/sweep.h"
#include "guard/control.h"

/* One request at work. */
struct job {
	struct wire_request *r;
	struct lamina_fs *fs;
	const struct lamina_control *in;
	uint32_t set; /* for the reply */
	struct lamina_error error;
};

static errint_t open_fd(struct job *j, int fd, int flags)
{
	errint_t opened =
		lamina_caller_open(&j->fs->policy.guard->callers, (pid_t)j->r->in->pid, fd, flags);

	if (opened == -EINVAL)
		return lamina_error_say(&j->error, opened, "fd %d is neither a memfd nor a pipe",
					fd);
	if (opened < 0)
		lamina_error_set(&j->error, opened, "the mount program cannot open fd %d", fd);
	return opened;
}

/*
 * Whether the mount can take a policy, from now on until its end. Engine passthrough is told of all opens of
 * files in any case; @lists: those of directories are needed as well.
 */
static errint_t make_ready(struct job *j, bool lists)
{
	const char *obstacle = policy_obstacle(j->fs);
	bool passthrough = j->fs->options.engine == LAMINA_ENGINE_PASSTHROUGH;

	if (obstacle)
		return lamina_error_say(&j->error, -EOPNOTSUPP, "%s", obstacle);
	if (policy_keep_opens(j->fs) || (passthrough && !lists))
		return 0;
	return lamina_error_say(&j->error, -EOPNOTSUPP,
				"the container has started without a policy, and this mount can't "
				"take one any more%s: mount with the option 'policies'",
				passthrough ? " that hides names or refuses listings" : "");
}

static errint_t receive(struct job *j, struct lamina_active **ret)
{
	_cleanup_fd_ int in = open_fd(j, j->in->in, O_RDONLY);
	struct lamina_bundle bundle;
	errint_t err = in < 0 ? in : lamina_bundle_receive(in, &bundle, &j->error);

	if (err < 0)
		return err;
	*ret = lamina_active_new(&bundle);
	return *ret ? 0 : lamina_error_set(&j->error, -ENOMEM, "cannot keep the policy");
}

/* The errors of policy_replace(). */
static errint_t not_replaced(struct job *j, errint_t err)
{
	if (err == -EAGAIN)
		return lamina_error_say(&j->error, err,
					"another policy has come into force meanwhile");
	return lamina_error_say(&j->error, err,
				"the mount was given a policy by the option 'policy', which stays "
				"in force as long as the mount");
}

static errint_t apply(struct job *j)
{
	struct lamina_active *active = NULL;
	errint_t err = 0;

	if (j->in->out != -1)
		return lamina_error_say(&j->error, -EINVAL, "no fd to write to is needed");
	if (j->in->in != -1)
		err = receive(j, &active);
	if (err < 0)
		return err;
	if (active)
		err = make_ready(j, active->lists);
	if (err < 0) {
		lamina_active_unref(active);
		return err;
	}
	err = policy_replace(j->fs, active, j->in->set);
	if (err < 0)
		return not_replaced(j, err);
	sweep_begin(j->fs, false);
	return 0;
}

static errint_t write_names(struct job *j)
{
	_cleanup_fd_ int out = open_fd(j, j->in->out, O_WRONLY);
	_cleanup_text_ struct lamina_text paths = {0};
	errint_t err = out < 0 ? out : sweep_names(j->fs, sweep_last(j->fs), &paths);

	if (err < 0)
		return err;
	return paths.broken ? -ENOMEM : lamina_fd_write_all(out, paths.bytes, paths.n);
}

static errint_t settle(struct job *j)
{
	errint_t err = j->in->out == -1 ? sweep_wait(j->fs, sweep_last(j->fs)) : write_names(j);

	return err < 0 && !j->error.text[0]
		       ? lamina_error_set(&j->error, err,
					  "the kernel does not forget what it keeps from before")
		       : err;
}

static errint_t show(struct job *j)
{
	_cleanup_fd_ int out = open_fd(j, j->in->out, O_WRONLY);
	struct lamina_active *active = out < 0 ? NULL : policy_get(j->fs, &j->set);
	errint_t err = out < 0 ? out : 0;

	if (active)
		err = lamina_bundle_write(&active->bundle, out);
	lamina_active_unref(active);
	return err < 0 && !j->error.text[0]
		       ? lamina_error_set(&j->error, err, "cannot write the policy")
		       : err;
}

/* The pipe that the caller reads. */
static errint_t open_pipe(struct job *j)
{
	_cleanup_fd_ int out = open_fd(j, j->in->out, O_WRONLY | O_NONBLOCK);
	struct stat st;

	if (out < 0)
		return out;
	if (fstat(out, &st) < 0 || !S_ISFIFO(st.st_mode))
		return lamina_error_say(&j->error, -EINVAL, "fd %d is no pipe", j->in->out);
	return TAKE_FD(out);
}

static errint_t trace(struct job *j)
{
	errint_t err = open_pipe(j);

	if (err < 0)
		return err;
	err = lamina_audit_listen(&j->fs->policy.guard->audit, err,
				  j->in->flags & LAMINA_CONTROL_EARLIER,
				  j->in->flags & LAMINA_CONTROL_PAST);
	return err < 0 ? lamina_error_set(&j->error, err, "cannot listen to the mount") : 0;
}

static errint_t learn(struct job *j)
{
	errint_t err = make_ready(j, false);

	if (err == 0)
		err = open_pipe(j);
	if (err < 0)
		return err;
	err = lamina_audit_learn(&j->fs->policy.guard->audit, err,
				 j->in->flags & LAMINA_CONTROL_AT_EXEC);
	if (err == -EBUSY)
		return lamina_error_say(&j->error, err, "somebody learns of this mount already");
	if (err == 0)
		err = sweep_wait(j->fs, sweep_begin(j->fs, true));
	if (err == -EINPROGRESS)
		return lamina_error_say(
			&j->error, err,
			"a process keeps the kernel from forgetting the listing of a "
			"directory, so that not all of what is used would be learned");
	return err < 0 ? lamina_error_set(&j->error, err, "cannot learn of the mount") : 0;
}

static errint_t end_learning(struct job *j)
{
	lamina_audit_end_learning(&j->fs->policy.guard->audit);
	return 0;
}

/* From another version, or by somebody who tries what happens. */
static bool is_known(const struct lamina_control *in)
{
	uint32_t flags = in->op == LAMINA_CONTROL_TRACE	  ? LAMINA_CONTROL_TRACE_FLAGS
			 : in->op == LAMINA_CONTROL_LEARN ? LAMINA_CONTROL_LEARN_FLAGS
							  : 0;

	return in->version == LAMINA_CONTROL_VERSION && in->op < LAMINA_CONTROL_OPS &&
	       !(in->flags & ~flags) && (in->op == LAMINA_CONTROL_APPLY || !in->set) &&
	       !in->reserved[0] && !in->reserved[1];
}

static errint_t run(struct job *j)
{
	static errint_t (*const jobs[LAMINA_CONTROL_OPS])(struct job *j) = {
		[LAMINA_CONTROL_APPLY] = apply, [LAMINA_CONTROL_SETTLE] = settle,
		[LAMINA_CONTROL_SHOW] = show,	[LAMINA_CONTROL_TRACE] = trace,
		[LAMINA_CONTROL_LEARN] = learn, [LAMINA_CONTROL_LEARN_END] = end_learning,
	};
	errint_t err;

	if (!is_known(j->in))
		return lamina_error_say(&j->error, -EINVAL,
					"the mount program is of another version");
	wire_session_block_ahead(j->r->session);
	lamina_fd_use_reserve(true);
	lamina_spare_use(true);
	err = jobs[j->in->op](j);
	lamina_spare_use(false);
	lamina_fd_use_reserve(false);
	return err;
}

static bool may_control(const struct wire_request *r)
{
	return (r->in->uid == geteuid() || r->in->uid == 0) &&
	       !lamina_caller_is_bound(&fs_of(r)->policy.guard->callers, (pid_t)r->in->pid);
}

bool control_is_on_the_way(const struct wire_request *r)
{
	const struct fuse_ioctl_in *in = r->arg;

	if (r->in->nodeid != FUSE_ROOT_ID)
		return false;
	switch (r->in->opcode) {
	case FUSE_GETATTR:
	case FUSE_STATX:
	case FUSE_OPENDIR:
		return may_control(r);
	case FUSE_IOCTL:
		return in->cmd == (uint32_t)LAMINA_IOC_CONTROL && may_control(r);
	default:
		return false;
	}
}

errint_t control_request(struct wire_request *r, struct object *o)
{
	const struct fuse_ioctl_in *in = r->arg;
	struct fuse_ioctl_out *out = wire_out(r, sizeof(*out));
	struct lamina_control *reply = (void *)r->room;
	struct job j = {.r = r, .fs = o->fs, .in = r->data};

	if (o->node != o->fs->table.root || !may_control(r))
		return -ENOTTY;
	if (r->data_size < sizeof(*j.in) || in->out_size < sizeof(*reply))
		return -EINVAL;
	*reply = *j.in;
	out->result = run(&j);
	reply->set = j.set;
	snprintf(reply->error, sizeof(reply->error), "%s", j.error.text);
	wire_payload(r, reply, sizeof(*reply));
	return 0;
}
