// SPDX-License-Identifier: GPL-2.0-or-later
/* rename2 FROM TO FLAG...: renameat2(2) with exchange, noreplace, whiteout. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>

#include "view.h"

int main(int argc, char **argv)
{
	unsigned int flags = 0;

	if (argc < 3)
		return 2;
	for (int i = 3; i < argc; i++)
		flags |= !strcmp(argv[i], "exchange")	 ? RENAME_EXCHANGE
			 : !strcmp(argv[i], "noreplace") ? RENAME_NOREPLACE
							 : RENAME_WHITEOUT;
	if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], flags))
		fail(argv[1]);
	return 0;
}
