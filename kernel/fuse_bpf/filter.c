// SPDX-License-Identifier: GPL-2.0
/*
 * Filters: which are registered, and which views have which. A filter is one attached link of the
 * struct_ops type; a view that has it holds the link, so who loaded it may go.
 *
 * filters_lock guards the list, each filter's views, and the changes of what is read without it:
 * a filter's ops and wants (under RCU) and a view's listeners, facts, epoch and error (single
 * words and bytes). BPF calls register, unregister and update with a lock of its own held, or, when
 * the last reference to a link goes, without any; a link that is in the list is therefore only
 * touched under filters_lock. Nothing below it waits for anybody.
 */
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "view.h"
#include "registry.h"

static DEFINE_MUTEX(filters_lock);
static LIST_HEAD(filters);

#define locked(pointer) rcu_dereference_protected(pointer, lockdep_is_held(&filters_lock))

static void filter_put(struct fuse_filter *filter)
{
	if (!refcount_dec_and_test(&filter->count))
		return;
	fuse_wants_put(rcu_dereference_protected(filter->wants, true));
	put_user_ns(filter->user_ns);
	kfree(filter);
}

static struct fuse_filter *find_id(const char *id)
{
	struct fuse_filter *filter;

	list_for_each_entry(filter, &filters, list) {
		if (!strcmp(filter->id, id))
			return filter;
	}
	return NULL;
}

static struct fuse_filter *find_link(const struct bpf_link *link)
{
	struct fuse_filter *filter;

	list_for_each_entry(filter, &filters, list) {
		if (filter->link == link)
			return filter;
	}
	return NULL;
}

/* Finds out whom to ask in a view. Its filters' ops are as they are to be. */
static void update_listeners(struct fuse_view *view, bool has_data)
{
	struct fuse_listeners listeners = {};
	bool facts = false;
	unsigned int i;

	for (i = 0; i < view->nr_filters; i++) {
		const struct fuse_filter *filter = view->filters[i].filter;

		fuse_listen(&listeners, i, locked(filter->ops), has_data);
		facts |= !!rcu_access_pointer(filter->wants);
	}
	fuse_listeners_set(&view->listeners, &listeners);
	WRITE_ONCE(view->facts, facts);
}

/* Makes a view forget what its filters said. */
static void refresh_view(struct fuse_view *view)
{
	update_listeners(view, rcu_access_pointer(view->data));
	/* Who reads the new number asks with the new ops. */
	fuse_view_new_epoch(view);
}

static void refresh_views(struct fuse_filter *filter)
{
	struct fuse_view_filter *vf;

	list_for_each_entry(vf, &filter->views, user)
		refresh_view(vf->view);
}

static void close_view(struct fuse_view *view)
{
	/* One that was aborted stays so. */
	cmpxchg(&view->error, 0, -EIO);
	/* Who finds that a filter is detached knows that the view is closed. */
	smp_wmb();
}

static void close_views(struct fuse_filter *filter)
{
	struct fuse_view_filter *vf;

	list_for_each_entry(vf, &filter->views, user)
		close_view(vf->view);
}

/**
 * fuse_filter_register - a link was attached
 * @ops: valid
 * @link: holds them, and stays until it is unregistered
 *
 * Return: 0, -EEXIST if there is one of this id, or -ENOMEM.
 */
int fuse_filter_register(struct fuse_filter_ops *ops, struct bpf_link *link)
{
	struct fuse_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	int err;

	if (!filter)
		return -ENOMEM;
	refcount_set(&filter->count, 1);
	filter->user_ns = get_user_ns(current_user_ns());
	filter->flags = ops->flags;
	filter->link = link;
	strscpy(filter->id, ops->id);
	INIT_LIST_HEAD(&filter->views);
	RCU_INIT_POINTER(filter->ops, ops);
	RCU_INIT_POINTER(filter->wants, fuse_wants_new(ops, &err));

	mutex_lock(&filters_lock);
	if (!err && find_id(filter->id))
		err = -EEXIST;
	if (!err)
		list_add_tail(&filter->list, &filters);
	mutex_unlock(&filters_lock);
	if (err)
		filter_put(filter);
	return err;
}

/**
 * fuse_filter_unregister - a link is detached, or goes
 * @link: the link
 *
 * Views that have the filter are closed for good.
 */
void fuse_filter_unregister(struct bpf_link *link)
{
	struct fuse_filter *filter;

	mutex_lock(&filters_lock);
	filter = find_link(link);
	if (filter) {
		list_del(&filter->list);
		close_views(filter);
		RCU_INIT_POINTER(filter->ops, NULL);
		refresh_views(filter);
	}
	mutex_unlock(&filters_lock);
	if (filter)
		filter_put(filter);
}

/**
 * fuse_filter_update - a link has other programs from now on, or other data
 * @ops: the new ones, or those it has
 * @link: the link
 *
 * Return: 0, -EINVAL if the id is another, -ENOLINK or -ENOMEM.
 */
int fuse_filter_update(struct fuse_filter_ops *ops, struct bpf_link *link)
{
	struct fuse_wants *wants, *old = NULL;
	struct fuse_filter *filter;
	int err;

	wants = fuse_wants_new(ops, &err);
	if (err)
		return err;
	mutex_lock(&filters_lock);
	filter = find_link(link);
	if (!filter) {
		err = -ENOLINK;
	} else if (strcmp(filter->id, ops->id)) {
		err = -EINVAL;
	} else {
		filter->flags = ops->flags;
		rcu_assign_pointer(filter->ops, ops);
		old = rcu_replace_pointer(filter->wants, wants, lockdep_is_held(&filters_lock));
		refresh_views(filter);
		wants = NULL;
	}
	mutex_unlock(&filters_lock);
	fuse_wants_put(old);
	fuse_wants_put(wants);
	return err;
}

/* Gives a filter to a view; filters_lock is held, and the view is open. */
static int add(struct fuse_view *view, struct fuse_filter *filter, u64 cookie)
{
	struct fuse_view_filter *vf = &view->filters[view->nr_filters];
	unsigned int i;

	if (view->nr_filters == FUSE_FILTERS_MAX)
		return -EMFILE;
	for (i = 0; i < view->nr_filters; i++) {
		if (view->filters[i].filter == filter)
			return -EEXIST;
	}
	if (IS_ERR(bpf_link_inc_not_zero(filter->link)))
		return -ENOENT;
	refcount_inc(&filter->count);
	vf->filter = filter;
	vf->view = view;
	vf->cookie = cookie;
	list_add(&vf->user, &filter->views);
	view->nr_filters++;
	refresh_view(view);
	return 0;
}

/**
 * fuse_filter_add_id - give a view the filter of this name
 * @view: the view; open, and its lock held if others know it
 * @id: the name
 * @cookie: for the filter to know the view by
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_FILTER_ADD.
 */
int fuse_filter_add_id(struct fuse_view *view, const char *id, u64 cookie)
{
	struct fuse_filter *filter;
	int err;

	mutex_lock(&filters_lock);
	filter = find_id(id);
	if (!filter || !current_in_userns(filter->user_ns))
		err = -ENOENT;
	else if (!(filter->flags & FUSE_FILTER_ANYONE) && !capable(CAP_SYS_ADMIN))
		err = -EPERM;
	else
		err = add(view, filter, cookie);
	mutex_unlock(&filters_lock);
	return err;
}

/**
 * fuse_filter_add_link - give a view the filter of a link
 * @view: as above
 * @fd: number of an open link; who has it may use it
 * @cookie: as above
 *
 * Return: as above.
 */
int fuse_filter_add_link(struct fuse_view *view, u32 fd, u64 cookie)
{
	struct bpf_link *link = bpf_link_get_from_fd(fd);
	struct fuse_filter *filter;
	int err;

	if (IS_ERR(link))
		return PTR_ERR(link);
	mutex_lock(&filters_lock);
	filter = find_link(link);
	err = filter ? add(view, filter, cookie) : -EINVAL;
	mutex_unlock(&filters_lock);
	bpf_link_put(link);
	return err;
}

static bool reads_data(const struct fuse_view *view)
{
	unsigned int i;

	for (i = 0; i < view->nr_filters; i++) {
		if (view->filters[i].filter->flags & FUSE_FILTER_BY_DATA)
			return true;
	}
	return false;
}

/**
 * fuse_filters_set_data - give a view other data
 * @view: the view
 * @data: NULL for none; taken over on success
 *
 * Whoever asks does so with data of the epoch that he has read, or finds that they are of a later
 * one: the two change together.
 *
 * Return: 0, or -EOPNOTSUPP if no filter reads data.
 */
int fuse_filters_set_data(struct fuse_view *view, struct fuse_data *data)
{
	struct fuse_data *old;

	mutex_lock(&filters_lock);
	if (!reads_data(view)) {
		mutex_unlock(&filters_lock);
		return -EOPNOTSUPP;
	}
	update_listeners(view, data);
	old = locked(view->data);
	spin_lock(&view->epoch_lock);
	if (data)
		data->since = view->epoch + 1;
	rcu_assign_pointer(view->data, data);
	/* Who reads the new number finds the data. */
	smp_store_release(&view->epoch, view->epoch + 1);
	spin_unlock(&view->epoch_lock);
	mutex_unlock(&filters_lock);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * fuse_filters_speak_for - do a view's filters still say what they said in an epoch?
 * @view: the view
 * @epoch: the epoch
 *
 * Context: waits for changes of filters that are under way.
 * Return: whether it goes on.
 */
bool fuse_filters_speak_for(const struct fuse_view *view, unsigned long epoch)
{
	bool ret;

	mutex_lock(&filters_lock);
	ret = READ_ONCE(view->epoch) == epoch;
	mutex_unlock(&filters_lock);
	return ret;
}

/* Takes a view's filters, and their data, away. Nobody asks them any more. */
void fuse_filters_drop(struct fuse_view *view)
{
	struct fuse_data *data = rcu_replace_pointer(view->data, NULL, true);
	unsigned int i;

	if (data)
		kvfree_rcu(data, rcu);

	for (i = 0; i < view->nr_filters; i++) {
		struct fuse_view_filter *vf = &view->filters[i];
		struct bpf_link *link = vf->filter->link;

		mutex_lock(&filters_lock);
		list_del(&vf->user);
		mutex_unlock(&filters_lock);
		filter_put(vf->filter);
		bpf_link_put(link);
	}
	view->nr_filters = 0;
}

/* For fuse_view_show(): a filter's name, and whether it is still attached. */
bool fuse_filter_show(const struct fuse_view_filter *vf, const char **ret_id)
{
	*ret_id = vf->filter->id;
	return rcu_access_pointer(vf->filter->ops);
}

MODULE_IMPORT_NS(BPF_INTERNAL);
