// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cached files and listings. All under the table's `lock`; closing and freeing happen after it was
 * released.
 */
#include "engine/cache.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

/* ---- files ---- */

struct file *file_new(int fd, bool readable, bool writable)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file) {
		close(fd);
		return NULL;
	}
	*file = (struct file){.fd = fd, .refs = 1, .readable = readable, .writable = writable};
	return file;
}

/* One reference less; returns the file if that was the last, to be closed without the lock. */
static struct file *unref_file(struct file *file)
{
	return file && --file->refs == 0 ? file : NULL;
}

static void close_file(struct file *file)
{
	if (!file)
		return;
	close(file->fd);
	free(file);
}

void file_put(struct node_table *t, struct file *file)
{
	struct file *last;

	if (!file)
		return;
	pthread_mutex_lock(&t->lock);
	last = unref_file(file);
	pthread_mutex_unlock(&t->lock);
	close_file(last);
}

static void take_out_file(struct node_table *t, struct file *file)
{
	*(file->newer ? &file->newer->older : &t->files_newest) = file->older;
	*(file->older ? &file->older->newer : &t->files_oldest) = file->newer;
	file->newer = file->older = NULL;
	t->n_files--;
}

static void put_in_file(struct node_table *t, struct file *file)
{
	file->older = t->files_newest;
	*(file->older ? &file->older->newer : &t->files_oldest) = file;
	t->files_newest = file;
	t->n_files++;
}

/* Take the file off its node; the cache's reference becomes the caller's. */
static struct file *detach_file(struct node_table *t, struct node *node)
{
	struct file *file = node->file;

	if (!file)
		return NULL;
	take_out_file(t, file);
	file->owner = NULL;
	node->file = NULL;
	return file;
}

/*
 * The least recently used file that can be opened again: not that of an orphan, nor of a node that is
 * being changed, which may be about to become one.
 */
static struct file *evict_file(struct node_table *t)
{
	struct file *file;

	if (t->n_files <= t->max_files)
		return NULL;
	for (file = t->files_oldest; file; file = file->newer)
		if (!file->owner->kept && !file->owner->busy)
			break;
	return file ? detach_file(t, file->owner) : NULL;
}

struct file *node_file(struct node_table *t, struct node *node, bool readable, bool writable)
{
	struct file *file;

	pthread_mutex_lock(&t->lock);
	file = node->file;
	if (file && ((readable && !file->readable) || (writable && !file->writable)))
		file = NULL;
	if (file) {
		file->refs++;
		if (t->files_newest != file) {
			take_out_file(t, file);
			put_in_file(t, file);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return file;
}

void node_set_file(struct node_table *t, struct node *node, struct file *file)
{
	struct file *old, *evicted;

	pthread_mutex_lock(&t->lock);
	old = unref_file(detach_file(t, node));
	if (file) {
		file->refs++;
		file->owner = node;
		node->file = file;
		put_in_file(t, file);
	}
	evicted = unref_file(evict_file(t));
	pthread_mutex_unlock(&t->lock);
	close_file(old);
	close_file(evicted);
}

void node_keep_file(struct node_table *t, struct node *node, struct file *file)
{
	pthread_mutex_lock(&t->lock);
	if (!node->file) {
		file->refs++;
		file->owner = node;
		node->file = file;
		put_in_file(t, file);
	}
	pthread_mutex_unlock(&t->lock);
}

/* ---- listings ---- */

static struct shared_listing *unref_listing(struct shared_listing *listing)
{
	return listing && --listing->refs == 0 ? listing : NULL;
}

static void free_listing(struct shared_listing *listing)
{
	if (!listing)
		return;
	lamina_listing_free(listing->listing);
	free(listing);
}

void listing_put(struct node_table *t, struct shared_listing *listing)
{
	struct shared_listing *last;

	if (!listing)
		return;
	pthread_mutex_lock(&t->lock);
	last = unref_listing(listing);
	pthread_mutex_unlock(&t->lock);
	free_listing(last);
}

static void take_out_listing(struct node_table *t, struct shared_listing *listing)
{
	*(listing->newer ? &listing->newer->older : &t->listings_newest) = listing->older;
	*(listing->older ? &listing->older->newer : &t->listings_oldest) = listing->newer;
	listing->newer = listing->older = NULL;
	t->n_names -= listing->listing->n + 1;
}

static void put_in_listing(struct node_table *t, struct shared_listing *listing)
{
	listing->older = t->listings_newest;
	*(listing->older ? &listing->older->newer : &t->listings_oldest) = listing;
	t->listings_newest = listing;
	t->n_names += listing->listing->n + 1;
}

static struct shared_listing *detach_listing(struct node_table *t, struct node *node)
{
	struct shared_listing *listing = node->listing;

	if (!listing)
		return NULL;
	take_out_listing(t, listing);
	listing->owner = NULL;
	node->listing = NULL;
	return listing;
}

struct shared_listing *node_listing(struct node_table *t, struct node *node, bool fresh)
{
	struct shared_listing *listing;

	pthread_mutex_lock(&t->lock);
	listing = node->listing;
	if (listing && fresh && listing->stale)
		listing = NULL;
	if (listing) {
		listing->refs++;
		if (t->listings_newest != listing) {
			take_out_listing(t, listing);
			put_in_listing(t, listing);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return listing;
}

struct shared_listing *node_set_listing(struct node_table *t, struct node *node,
					struct lamina_listing *listing)
{
	struct shared_listing *shared = calloc(1, sizeof(*shared)), *old, *evicted = NULL;

	if (!shared) {
		lamina_listing_free(listing);
		return NULL;
	}
	shared->listing = listing;
	shared->refs = 2;
	shared->owner = node;
	pthread_mutex_lock(&t->lock);
	old = unref_listing(detach_listing(t, node));
	node->listing = shared;
	put_in_listing(t, shared);
	if (t->n_names > LAMINA_MAX_CACHED_NAMES && t->listings_oldest != shared)
		evicted = unref_listing(detach_listing(t, t->listings_oldest->owner));
	pthread_mutex_unlock(&t->lock);
	free_listing(old);
	free_listing(evicted);
	return shared;
}

void node_changed(struct node_table *t, struct node *node)
{
	pthread_mutex_lock(&t->lock);
	if (node->listing)
		node->listing->stale = true;
	pthread_mutex_unlock(&t->lock);
}

void cache_drop(struct node_table *t, struct node *node)
{
	struct shared_listing *listing;
	struct file *file;

	pthread_mutex_lock(&t->lock);
	file = unref_file(detach_file(t, node));
	listing = unref_listing(detach_listing(t, node));
	pthread_mutex_unlock(&t->lock);
	close_file(file);
	free_listing(listing);
}
