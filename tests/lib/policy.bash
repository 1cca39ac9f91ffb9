# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the files on policies share.

# A command that policies bind: it is in another mount namespace than the one that made the mount.
inside() { unshare -m --propagation private "$@"; }

# A case of a Python file, as such a command.
py_inside() {
	inside python3 "$LAMINA_ROOT/tests/cases/$1.py" "${@:2}"
}

PATH=$LAMINA_BIN:$PATH

# policy JSON [FILE]: write a policy, policy.json by default.
policy() { printf '%s\n' "$1" >"${2:-policy.json}"; }

# apply JSON: put it in force on mnt.
apply() {
	policy "$1"
	lamina policy apply --timeout "$(patience 10)" "$TEST_DIR/mnt" policy.json
}

# mount_policy JSON: mount with it in force from the start.
mount_policy() {
	policy "$1"
	mount_lamina -o policy=policy.json
}

# Something to have policies about.
make_tree() {
	local top=${1:-lower}

	mkdir -p "$top"/{etc,app/secrets,usr/bin,tmp,srv/a,srv/b}
	echo root >"$top/etc/shadow"
	echo users >"$top/etc/passwd"
	echo key >"$top/app/secrets/key"
	echo variables >"$top/app/.env"
	echo code >"$top/app/code"
	printf '#!/bin/sh\necho ran\n' >"$top/usr/bin/tool"
	cp "$top/usr/bin/tool" "$top/tmp/tool"
	chmod 755 "$top/usr/bin/tool" "$top/tmp/tool"
	ln -s ../etc/shadow "$top/app/link"
	echo a >"$top/srv/a/file"
	echo b >"$top/srv/b/file"
	chmod -R a+rX "$top"
}

# ---- the audit ----

# start_trace [ARGUMENT...]: write the audit of mnt to trace.out, all that is remembered and what comes.
start_trace() {
	lamina trace --policy --follow --json "$@" "$TEST_DIR/mnt" >trace.out 3>&- &
	TRACE=$!
}

# It ends with the mount.
stop_trace() {
	umount mnt
	wait "$TRACE"
}

# traced JQ: whether a line of the audit so far fulfils the condition.
traced() { jq -se "any(.[]; $1)" trace.out >/dev/null; }
