// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include "policy.h"
int policy_learn(int argc, char **argv)
{
	(void)argc; (void)argv;
	return EXIT_FAILURE;
}
