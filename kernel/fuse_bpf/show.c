// SPDX-License-Identifier: GPL-2.0
/*
 * What a view tells the administrator: in the fdinfo of a server's device, and in the file "view"
 * of the connection's directory in the control file system. One line for each thing, its name
 * first.
 */
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "view.h"

static const char *const counter_names[] = {
	[FUSE_COUNT_LOOKUPS] = "lookups",   [FUSE_COUNT_LAYER_LOOKUPS] = "layer_lookups",
	[FUSE_COUNT_LISTINGS] = "listings", [FUSE_COUNT_OPENS] = "opens",
	[FUSE_COUNT_ASKED] = "asked",	    [FUSE_COUNT_REFUSED] = "refused",
};

static const char *const upcall_names[] = {
	[FUSE_UPCALL_COPY_UP] = "copy_up", [FUSE_UPCALL_WHITEOUT] = "whiteout",
	[FUSE_UPCALL_MAKE] = "make",	   [FUSE_UPCALL_RENAME] = "rename",
	[FUSE_UPCALL_JOIN] = "join",
};

static const char *const state_names[] = {
	[FUSE_VIEW_OPEN] = "open",
	[FUSE_VIEW_SET] = "set",
	[FUSE_VIEW_DEAD] = "dead",
};

static unsigned long count(const struct fuse_view *view, unsigned int which)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(view->counters, cpu)->n[which];
	return sum;
}

/* Where a layer is: as in /proc/PID/mountinfo, by device and by the path on it. */
static void show_layer(struct seq_file *m, const struct fuse_layer *layer, bool unused)
{
	dev_t dev = layer->mnt->mnt_sb->s_dev;

	seq_printf(m, "%s:\t%u tag=%#llx dev=%u:%u%s root=", unused ? "unused" : "layer", layer->id,
		   layer->tag, MAJOR(dev), MINOR(dev), layer->upper ? " upper" : "");
	seq_dentry(m, layer->mnt->mnt_root, " \t\n\\");
	seq_putc(m, '\n');
}

static void show_filter(struct seq_file *m, const struct fuse_view_filter *vf)
{
	const char *id = "";
	bool attached = fuse_filter_show(vf, &id);

	seq_printf(m, "filter:\t%s cookie=%#llx%s\n", id, vf->cookie, attached ? "" : " detached");
}

static const char *error_name(int error)
{
	if (!error)
		return "";
	return error == -EIO ? ",closed" : ",aborted";
}

/* Who serves a writable view, and how many upcalls of each kind were made and are not answered. */
static void show_upcalls(struct seq_file *m, struct fuse_upcalls *upcalls)
{
	unsigned int i;

	seq_printf(m, "server:\t%s\n", READ_ONCE(upcalls->served) ? "attached" : "none");
	spin_lock(&upcalls->lock);
	for (i = FUSE_UPCALL_COPY_UP; i <= FUSE_UPCALL_JOIN; i++)
		seq_printf(m, "%s:\t%llu waiting=%u\n", upcall_names[i], upcalls->sent[i],
			   upcalls->waiting[i]);
	spin_unlock(&upcalls->lock);
}

static void show_view(struct seq_file *m, struct fuse_view *view)
{
	unsigned int i;

	mutex_lock(&view->lock);
	seq_printf(m, "state:\t%s%s\n", state_names[view->state],
		   error_name(READ_ONCE(view->error)));
	for (i = 0; i < FUSE_COUNTERS; i++)
		seq_printf(m, "%s:\t%lu\n", counter_names[i], count(view, i));
	if (view->upper)
		show_upcalls(m, &view->upcalls);
	for (i = 0; i < view->nr_filters; i++)
		show_filter(m, &view->filters[i]);
	for (i = 0; i < view->nr; i++) {
		if (view->layers[i])
			show_layer(m, view->layers[i],
				   view->state == FUSE_VIEW_SET && i >= view->shown);
	}
	mutex_unlock(&view->lock);
}

/**
 * fuse_view_show - describe a connection's view
 * @m: where
 * @fc: the connection
 */
void fuse_view_show(struct seq_file *m, struct fuse_conn *fc)
{
	struct fuse_view *view = READ_ONCE(fc->view);

	/* Requests that were ever sent to the server. */
	seq_printf(m, "requests:\t%llu\n", READ_ONCE(fc->iq.reqctr) / FUSE_REQ_ID_STEP);
	if (view)
		show_view(m, view);
}

void fuse_view_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct fuse_dev *fud = READ_ONCE(file->private_data);

	if (fud && READ_ONCE(fud->fc->view))
		fuse_view_show(m, fud->fc);
}
