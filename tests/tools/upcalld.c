// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upcalld FD LOWERDIRS UPPER WORK [UIDMAP]: the server of upcalls over layers, on a socket (of type
 * SEQPACKET) in the place of the device. It leaves when the other end is closed.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mount/optlist.h"
#include "union/creds.h"
#include "upcall/server.h"

static char **split(char *list, size_t *ret_n)
{
	char **dirs = NULL, *dir;

	for (*ret_n = 0; (dir = lamina_optlist_cut(&list, ':')); dirs[(*ret_n)++] = dir) {
		dirs = reallocarray(dirs, *ret_n + 1, sizeof(*dirs));
		if (!dirs)
			err(1, "layers");
	}
	return dirs;
}

int main(int argc, char **argv)
{
	struct lamina_union_options options = {.at = AT_FDCWD};
	struct lamina_upcall_server server;
	struct lamina_error error = {""};
	struct lamina_idmap ids = {0};
	struct wire_session *session;
	struct lamina_union u;

	if (argc < 5)
		errx(2, "usage: upcalld FD LOWERDIRS UPPER WORK [UIDMAP]");
	options.lowers = split(argv[2], &options.n_lowers);
	options.upper = argv[3];
	options.work = argv[4];
	if (argc > 5 && lamina_idmap_parse(argv[5], &ids) < 0)
		errx(2, "no mapping: %s", argv[5]);
	if (lamina_union_open(&u, &options, &error) < 0)
		errx(1, "%s", error.text);
	lamina_creds_prepare();
	lamina_upcall_server_init(&server, &u, &ids, &ids);
	session = wire_session_new(atoi(argv[1]), &lamina_upcall_ops, &server, false);
	server.session = session;
	if (!session || wire_session_start(session) < 0)
		errx(1, "no session");

	struct pollfd ended = {.fd = wire_session_ended_fd(session), .events = POLLIN};

	while (poll(&ended, 1, -1) < 0)
		;
	wire_session_free(session);
	lamina_upcall_server_done(&server);
	lamina_union_close(&u);
	lamina_idmap_done(&ids);
	free(options.lowers);
	return 0;
}
