// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy: look at policies, compile them, and put them in force. Its commands are in
 * cmd/policy-*.c.
 */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands.h"

int policy_failure(const struct lamina_error *error)
{
	fprintf(stderr, "lamina: %s\n", error->text);
	return EXIT_FAILURE;
}

static const struct command *const subs[] = {
	&policy_check, &policy_compile, &policy_explain, &policy_show,
	&policy_apply, &policy_remove,	&policy_learn,	 NULL,
};

const struct command command_policy = {
	.name = "policy",
	.arguments = "COMMAND [ARGUMENT...]",
	.help = "Check, compile and explain policies, put them in force, learn them.",
	.text = POLICY_FILES POLICY_MOUNTS
	"exit status: 0 fine; 1 not a policy, or another error; 2 wrong usage;\n"
	"explain: 3 the access is refused or, without one, the path is hidden;\n"
	"apply and remove: 4 it is in force, but not yet for what was looked at before\n",
	.example = "lamina policy check policy.json\n"
		   "lamina policy explain policy.json /etc/shadow read_file\n"
		   "lamina policy apply web policy.json",
	.subs = subs,
	.run = command_run_sub,
};
