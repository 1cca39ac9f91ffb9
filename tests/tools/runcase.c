// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * runcase SOCKET FILE CASE [ARGUMENT...]: has a case of tests/cases run by tests/lib/cases-server.py,
 * with this process' streams, directory, umask and environment, and ends as the case does.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

static char request[1 << 20];
static size_t used;

static void put(const char *word)
{
	size_t length = strlen(word) + 1;

	if (used + length >= sizeof(request))
		errx(127, "the request is too long");
	memcpy(request + used, word, length);
	used += length;
}

static void fill(int argc, char **argv)
{
	char number[16];
	mode_t mask = umask(0);

	snprintf(number, sizeof(number), "%o", mask);
	put(number);
	snprintf(number, sizeof(number), "%d", argc - 2);
	put(number);
	for (int i = 2; i < argc; i++)
		put(argv[i]);
	for (char **at = environ; *at; at++)
		put(*at);
	put("");
}

/* The first bytes take the fds along. */
static void send_request(int server, const int fds[4])
{
	struct iovec data = {request, used};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control = {.header = {.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(4 * sizeof(int))}};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t sent;

	memcpy(CMSG_DATA(&control.header), fds, 4 * sizeof(int));
	sent = sendmsg(server, &message, 0);
	for (size_t at = sent < 0 ? 0 : (size_t)sent; sent >= 0 && at < used; at += (size_t)sent)
		sent = write(server, request + at, used - at);
	if (sent < 0)
		err(127, "asking the server of cases");
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char answer[16] = "";

	if (argc < 3)
		errx(2, "usage: runcase SOCKET FILE CASE [ARGUMENT...]");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (connect(server, (void *)&address, sizeof(address)) < 0)
		err(127, "%s", argv[1]);
	fill(argc, argv);
	send_request(server, (const int[4]){0, 1, 2, directory});
	if (read(server, answer, sizeof(answer) - 1) <= 0)
		errx(127, "the server of cases is gone");
	return atoi(answer);
}
