// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Data of views, as words: those of bpf/policy-view.h. They are put together in a memfd.
 */
#include "guard/data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fuse_bpf.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/mntns.h"
#include "mount/record.h"
#include "../../bpf/policy-view.h"

#define WORD sizeof(uint32_t)

errint_t lamina_data_cookie(uint64_t *ret, struct lamina_error *error)
{
	uint64_t id;
	errint_t err = lamina_mntns_own(&id);

	if (err < 0)
		return lamina_error_set(error, err,
					"cannot tell the mount namespace that policies don't bind");
	*ret = POLICY_COOKIE | id;
	return 0;
}

static errint_t get(int root, void *bytes, size_t room)
{
	struct fuse_bpf_data arg = {.address = (uintptr_t)bytes, .size = (uint32_t)room};
	int size = ioctl(root, FUSE_BPF_IOC_DATA_GET, &arg);

	return size < 0 ? -errno : size;
}

bool lamina_data_is_view(int root)
{
	return get(root, NULL, 0) >= 0;
}

/* Nobody is told of what is used unless the data say that somebody learns. */
static bool is_learning(int root)
{
	uint32_t head[POLICY_DATA_TABLE] = {0};

	return get(root, head, sizeof(head)) >= (errint_t)sizeof(head) &&
	       head[POLICY_DATA_MAGIC] == POLICY_DATA_IS &&
	       head[POLICY_DATA_FLAGS] & POLICY_DATA_LEARNS;
}

/* ---- setting ---- */

/* For each row of the table the accesses that are not plainly allowed; *@ret_refuses: some are refused. */
static uint32_t *make_masks(const struct lamina_policy_table *table, uint32_t n, bool *ret_refuses)
{
	const uint32_t *row = table->words + table->words[LAMINA_POLICY_AT_ROWS];
	uint32_t *masks = calloc(n ? n : 1, WORD);

	*ret_refuses = false;
	for (uint32_t i = 0; masks && i < n; i++, row += LAMINA_POLICY_BITS)
		for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
			if (lamina_verdict_action(row[access]) != LAMINA_ACTION_ALLOW)
				masks[i] |= 1u << access;
			*ret_refuses |= lamina_verdict_refuses(row[access]);
		}
	return masks;
}

/* @flags: POLICY_DATA_LEARNS, POLICY_DATA_NOTHING. */
static errint_t write_data(int fd, const struct lamina_bundle *bundle, uint32_t flags)
{
	struct lamina_policy_table table = lamina_compiled_table(&bundle->compiled);
	uint32_t n_rows = table.words[LAMINA_POLICY_AT_N_ROWS], head[POLICY_DATA_TABLE] = {0};
	_cleanup_free_ uint32_t *masks = NULL;
	bool refuses;
	errint_t err;

	masks = make_masks(&table, n_rows, &refuses);
	if (!masks)
		return -ENOMEM;
	head[POLICY_DATA_MAGIC] = POLICY_DATA_IS;
	head[POLICY_DATA_FLAGS] = flags | (refuses ? POLICY_DATA_REFUSES : 0);
	head[POLICY_DATA_TABLE_WORDS] = table.n;
	head[POLICY_DATA_MASKS] = POLICY_DATA_TABLE + table.n;
	head[POLICY_DATA_REST] = head[POLICY_DATA_MASKS] + n_rows;
	err = lamina_call_random(&head[POLICY_DATA_ID], WORD);
	if (err == 0)
		err = lamina_fd_write_all(fd, head, sizeof(head));
	if (err == 0)
		err = lamina_fd_write_all(fd, table.words, table.n * WORD);
	if (err == 0)
		err = lamina_fd_write_all(fd, masks, n_rows * WORD);
	return err == 0 ? lamina_bundle_write_rest(bundle, fd) : err;
}

static errint_t set(int root, const void *bytes, size_t size, struct lamina_error *error)
{
	const struct fuse_bpf_data arg = {.address = (uintptr_t)bytes, .size = (uint32_t)size};

	if (size > FUSE_BPF_DATA_MAX)
		return lamina_error_say(error, -E2BIG, "the policy is too large for the kernel");
	if (ioctl(root, FUSE_BPF_IOC_DATA_SET, &arg) == 0)
		return 0;
	/* Nothing can be in force there. */
	if (errno == EOPNOTSUPP && size == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return lamina_error_say(
			error, -EOPNOTSUPP,
			"the mount has no filter that enforces policies: mount with "
			"the option 'policies'");
	return lamina_error_set(error, -errno, "the kernel does not take the policy");
}

static errint_t set_from(int root, int fd, struct lamina_error *error)
{
	struct stat st;
	size_t size;
	void *bytes;
	errint_t err;

	if (fstat(fd, &st) < 0)
		return lamina_error_set(error, -errno, "cannot hand over the policy");
	size = (size_t)st.st_size;
	bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return lamina_error_set(error, -errno, "cannot hand over the policy");
	err = set(root, bytes, size, error);
	munmap(bytes, size);
	return err;
}

static errint_t set_bundle(int root, const struct lamina_bundle *bundle, uint32_t flags,
			   struct lamina_error *error)
{
	_cleanup_fd_ int fd = memfd_create("lamina-policy", MFD_CLOEXEC);
	errint_t err = fd < 0 ? -errno : write_data(fd, bundle, flags);

	if (err < 0)
		return lamina_error_set(error, err,
					"cannot hand over the policy in a memfd (memfd_create(2))");
	return set_from(root, fd, error);
}

/* Who learns where there is no policy does so under one that allows everything. */
static errint_t set_nothing(int root, uint32_t flags, struct lamina_error *error)
{
	static const char everything[] = "{}";
	struct lamina_sources sources = {.n = 0};
	struct lamina_bundle bundle;
	errint_t err;

	if (!flags)
		return set(root, NULL, 0, error);
	err = lamina_sources_add(&sources, "", everything, sizeof(everything) - 1, false, error);
	if (err == 0)
		err = lamina_bundle_make(&bundle, &sources, error);
	if (err < 0)
		return err;
	err = set_bundle(root, &bundle, flags | POLICY_DATA_NOTHING, error);
	lamina_bundle_done(&bundle);
	return err;
}

/* @bundle NULL: no policy. */
static errint_t replace(int root, const struct lamina_bundle *bundle, uint32_t flags,
			struct lamina_error *error)
{
	return bundle ? set_bundle(root, bundle, flags, error) : set_nothing(root, flags, error);
}

errint_t lamina_data_set(int root, const struct lamina_bundle *bundle, struct lamina_error *error)
{
	return replace(root, bundle, is_learning(root) ? POLICY_DATA_LEARNS : 0, error);
}

/* ---- getting ---- */

/* All of it, in memory that the caller frees. Returns its length. */
static errint_t get_all(int root, uint32_t **ret, struct lamina_error *error)
{
	_cleanup_free_ uint32_t *words = NULL;
	errint_t size = 0, room;

	do {
		room = size;
		free(words);
		words = malloc((size_t)room + WORD);
		size = words ? get(root, words, (size_t)room) : -ENOMEM;
		/* Another one may have come into force meanwhile. */
	} while (size > room);
	if (size < 0)
		return lamina_error_set(error, size, "cannot read the mount's policy");
	*ret = words;
	words = NULL;
	return size;
}

/* Whether what the head says lies within the data. */
static bool is_whole(const uint32_t *head, size_t n)
{
	uint64_t table_end = (uint64_t)POLICY_DATA_TABLE + head[POLICY_DATA_TABLE_WORDS];

	return head[POLICY_DATA_MAGIC] == POLICY_DATA_IS && table_end <= head[POLICY_DATA_REST] &&
	       head[POLICY_DATA_REST] <= n;
}

errint_t lamina_data_get(int root, struct lamina_bundle *ret, uint32_t *ret_id,
			 struct lamina_error *error)
{
	_cleanup_free_ uint32_t *words = NULL;
	errint_t size = get_all(root, &words, error);
	size_t n = size < 0 ? 0 : (size_t)size / WORD;
	errint_t err;

	if (size <= 0)
		return size;
	if (n < POLICY_DATA_TABLE || !is_whole(words, n))
		return lamina_error_say(error, -EINVAL,
					"the mount's policy is of another version of lamina");
	if (words[POLICY_DATA_FLAGS] & POLICY_DATA_NOTHING)
		return 0;
	err = lamina_bundle_parse_rest(
		words + words[POLICY_DATA_REST], (n - words[POLICY_DATA_REST]) * WORD,
		words + POLICY_DATA_TABLE, words[POLICY_DATA_TABLE_WORDS] * WORD, ret, error);
	if (err < 0)
		return err;
	if (ret_id)
		*ret_id = words[POLICY_DATA_ID];
	return 1;
}

/* ---- learning ---- */

errint_t lamina_data_learn(int root, bool learns, struct lamina_error *error)
{
	/* What is put in force meanwhile must not be undone. */
	_cleanup_fd_ int lock = lamina_record_lock();
	struct lamina_bundle bundle = {0};
	errint_t found = lamina_data_get(root, &bundle, NULL, error), err;

	if (found < 0)
		return found;
	err = replace(root, found ? &bundle : NULL, learns ? POLICY_DATA_LEARNS : 0, error);
	lamina_bundle_done(&bundle);
	return err;
}
