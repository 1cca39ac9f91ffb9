// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz SECONDS SEED DIRECTORY
 *
 * Random ioctls on random connections, in all states that these come into, while others look up
 * names, list and unmount. The kernel's log tells afterwards whether it went well. Prints how many
 * calls succeeded and failed, of each kind.
 */
#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "connection.h"

#define CONNECTIONS 6
#define DIRS	    8
#define THREADS	    4

enum kind { ADD, DEL, SET, FILTER, FEATURES, RAW, KINDS };

static const char *const kind_names[KINDS] = {"LAYER_ADD",  "LAYER_DEL", "VIEW_SET",
					      "FILTER_ADD", "FEATURES",	 "any number"};

static struct connection connections[CONNECTIONS];
static pthread_rwlock_t locks[CONNECTIONS]; /* written by who ends the connection */
static int dirs[DIRS];
static time_t end;
static unsigned long counts[KINDS][2];
static unsigned int seed;

static unsigned int any(uint64_t *state, unsigned int below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned int)((*state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static void count(enum kind kind, int ret)
{
	__atomic_add_fetch(&counts[kind][ret < 0], 1, __ATOMIC_RELAXED);
}

static void renew(uint64_t *r, unsigned int i)
{
	pthread_rwlock_wrlock(&locks[i]);
	connection_close(&connections[i]);
	if (connection_make(&connections[i]))
		fail("connection");
	if (any(r, 8))
		answer_init(connections[i].device, any(r, 8) ? 1 + any(r, 2) : 0);
	pthread_rwlock_unlock(&locks[i]);
}

static int random_fd(uint64_t *r)
{
	switch (any(r, 6)) {
	case 0:
		return (int)any(r, 64) - 2;
	case 1:
		return connections[any(r, CONNECTIONS)].mnt;
	default:
		return dirs[any(r, DIRS)];
	}
}

static void random_set(uint64_t *r, int device)
{
	uint32_t ids[DIRS], nr = any(r, DIRS + 1);

	for (unsigned int i = 0; i < DIRS; i++)
		ids[i] = any(r, 3) ? i + 1 : any(r, 12);
	if (!any(r, 20))
		nr = any(r, 1000000);
	count(SET, set_view(device, ids, nr, any(r, 5)));
}

static void random_raw(uint64_t *r, int device)
{
	static const unsigned int sizes[] = {0, 4, 8, 16, 24, 32, 40, 64, 4096, 16383};
	unsigned int size = sizes[any(r, sizeof(sizes) / sizeof(*sizes))];
	unsigned char data[16384];

	memset(data, 0, sizeof(data));
	for (unsigned int i = any(r, 4) ? any(r, 40) : 16000; i > 0; i--)
		data[any(r, sizeof(data))] = (unsigned char)any(r, 4);
	count(RAW,
	      ioctl(device, _IOC(any(r, 4), any(r, 8) ? 229 : any(r, 256), 0xae + any(r, 8), size),
		    any(r, 16) ? (void *)data : (void *)(uintptr_t)any(r, ~0u)));
}

static void one_call(uint64_t *r, int device)
{
	struct fuse_bpf_layer_add layer = {.fd = random_fd(r), .tag = any(r, ~0u)};
	struct fuse_bpf_filter_add filter = {.link_fd = any(r, 4) ? -1 : random_fd(r)};
	static const char *const filters[] = {"overlay", "hide", "trace", "", "none", "x"};
	struct fuse_bpf_features features;
	uint32_t id = any(r, 12);

	switch (any(r, 12)) {
	case 10:
	case 11:
		snprintf(filter.id, sizeof(filter.id), "%s", filters[any(r, 6)]);
		filter.id[15] = any(r, 16) ? 0 : 'x';
		filter.flags = !any(r, 16);
		filter.cookie = any(r, 3);
		count(FILTER, ioctl(device, FUSE_BPF_IOC_FILTER_ADD, &filter));
		break;
	case 0:
		count(DEL, ioctl(device, FUSE_BPF_IOC_LAYER_DEL, &id));
		break;
	case 1:
		random_set(r, device);
		break;
	case 2:
		count(FEATURES, ioctl(device, FUSE_BPF_IOC_FEATURES, &features));
		break;
	case 3:
	case 4:
		random_raw(r, device);
		break;
	default:
		layer.flags = !any(r, 16);
		count(ADD, ioctl(device, FUSE_BPF_IOC_LAYER_ADD, &layer));
	}
}

/* Only what a set view answers by itself: nobody else would. */
static void use(uint64_t *r, int mnt)
{
	struct statx st;
	char name[16];
	DIR *d;
	int fd;

	if (statx(mnt, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_NLINK, &st) ||
	    !(st.stx_mask & STATX_BTIME))
		return;
	snprintf(name, sizeof(name), "%u/%u", any(r, DIRS), any(r, 4));
	faccessat(mnt, name, F_OK, 0);
	fd = openat(mnt, any(r, 2) ? "." : name, O_RDONLY | O_NONBLOCK);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	while (readdir(d))
		;
	closedir(d);
}

static void *work(void *arg)
{
	uint64_t r = (seed + (uintptr_t)arg) * 0x9e3779b97f4a7c15ULL + 1;

	while (time(NULL) < end) {
		unsigned int i = any(&r, CONNECTIONS);

		if (!any(&r, 60)) {
			renew(&r, i);
			continue;
		}
		/* Calls on one device race with each other. */
		pthread_rwlock_rdlock(&locks[i]);
		one_call(&r, connections[i].device);
		if (!any(&r, 8))
			use(&r, connections[i].mnt);
		pthread_rwlock_unlock(&locks[i]);
	}
	return NULL;
}

static void make_dirs(const char *dir)
{
	char *path;
	int top;

	for (unsigned int i = 0; i < DIRS; i++) {
		if (asprintf(&path, "%s/%u", dir, i) < 0)
			abort();
		mkdir(path, 0755);
		top = open(path, O_PATH);
		/* Some lie in others. */
		dirs[i] = top;
		for (unsigned int j = 0; j < 4; j++) {
			char name[16];

			snprintf(name, sizeof(name), "%u", j);
			mkdirat(top, name, 0755);
			if (i == DIRS - 1 && j == 3)
				dirs[0] = openat(top, name, O_PATH);
		}
		free(path);
	}
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	if (argc != 4)
		return 2;
	seed = (unsigned int)strtoul(argv[2], NULL, 10);
	make_dirs(argv[3]);
	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		pthread_rwlock_init(&locks[i], NULL);
		if (connection_make(&connections[i]))
			fail("connection");
		answer_init(connections[i].device, 1);
	}
	end = time(NULL) + atoi(argv[1]);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < KINDS; i++)
		printf("%s: %lu succeeded, %lu failed\n", kind_names[i], counts[i][0],
		       counts[i][1]);
	return 0;
}
