#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is hidden is hidden from everything that could find it.

load helpers

# hide PATH...: loads or replaces the filter hide with this list.
hide() {
	printf '%s\n' "$@" >paths
	ok lamina filter load hide --replace --paths paths
}

make_layer() {
	mkdir -p layer/{secret/deep,open/sub}
	echo hidden | tee layer/{file,secret/deep/file,open/sub/file} >layer/open/file
	ln -s file layer/link
	cp /bin/true layer/open/program
}

@test "a hidden name is in no lookup and no listing" {
	make_layer
	hide /file secret open/sub/file '# not this' /open/program/
	filtered hide layer
	is $'link\nopen' ls -A mnt
	is $'file\nsub' ls -A mnt/open
	is '' ls -A mnt/open/sub
	for name in file secret secret/deep/file open/sub/file open/program; do
		fails 'No such file' stat "mnt/$name"
		fails 'No such file' cat "mnt/$name"
		fails 'No such file' getfattr -d "mnt/$name"
	done
	fails 'No such file' cat mnt/link
	fails 'No such file' mnt/open/program
	is file readlink mnt/link
	unmount mnt
	unload hide
}

@test "a hidden name can't be made, replaced or linked to" {
	make_layer
	hide /file /secret
	filtered hide layer
	fails 'Read-only file system' touch mnt/file
	fails 'Read-only file system' mkdir mnt/secret
	fails 'No such file' ln mnt/file mnt/new
	fails '' ln mnt/link mnt/file
	fails '' mv mnt/open mnt/secret
	fails 'No such file' mv mnt/file mnt/new
	fails 'No such file' rm mnt/file
	unmount mnt
	unload hide
}

@test "another link of a hidden file doesn't bring back its name" {
	make_layer
	ln layer/file layer/open/link
	hide /file
	filtered hide layer
	is hidden cat mnt/open/link
	exec 7<mnt/open/link
	fails 'No such file' stat mnt/file
	is $'link\nopen\nsecret' ls mnt
	is hidden cat /proc/self/fd/7
	# The other way round: known by the name that is hidden then.
	hide /open/link
	is hidden cat mnt/file
	hide /file
	fails 'No such file' cat mnt/file
	is hidden cat mnt/open/link
	exec 7<&-
	unmount mnt
	unload hide
}

@test "no handle leads to a hidden file, not even the layer's own" {
	make_layer
	hide /file
	filtered hide layer
	is $'open, view: ENOTSUP\nopen, layer: works\nfile, layer: works\nby the view: ESTALE\nby the layer: works' \
		python3 - <<-'P'
		import ctypes, errno, os
		libc = ctypes.CDLL(None, use_errno=True)
		handle = ctypes.create_string_buffer(136)
		def say(what, r):
		    print(what + ':', 'works' if r >= 0 else errno.errorcode.get(ctypes.get_errno()))
		def get(path):
		    handle[0:4] = b'\x80\0\0\0'
		    return libc.name_to_handle_at(-100, path, handle, ctypes.byref(ctypes.c_int()), 0)
		say('open, view', get(b'mnt/open'))
		say('open, layer', get(b'layer/open'))
		say('file, layer', get(b'layer/file'))
		say('by the view', libc.open_by_handle_at(os.open('mnt', 0), handle, 0))
		say('by the layer', libc.open_by_handle_at(os.open('layer', 0), handle, 0))
	P
	unmount mnt
	unload hide
}

@test "what was opened before can't be opened again when it is hidden" {
	make_layer
	hide /nothing
	filtered hide layer
	exec 7<mnt/open/file 8<mnt/secret 9<mnt/secret/deep
	hide /open/file /secret
	is hidden cat <&7
	fails 'No such file' cat /proc/self/fd/7
	fails 'No such file' ls /proc/self/fd/8/
	fails 'No such file' ls /proc/self/fd/9/
	fails 'No such file' cat /proc/self/fd/9/file
	# For libc this is the end of a directory that was removed.
	is '[]' python3 -c 'import os; print(os.listdir(8))'
	fails 'No such file' python3 -c 'import os; os.open("file", 0, dir_fd=9)'
	fails 'No such file' python3 -c 'import os; os.stat("deep", dir_fd=8)'
	fails 'No such file' python3 -c 'import os; os.fchdir(9); os.open(".", 0)'
	fails 'No such file' python3 -c 'import os; os.fchdir(9); os.open("../../secret", 0)'
	hide /nothing
	ok cat /proc/self/fd/9/file
	is deep ls /proc/self/fd/8/
	exec 7<&- 8<&- 9<&-
	unmount mnt
	unload hide
}

@test "an update is for the next lookup, of names known to be there or not" {
	make_layer
	hide /file
	filtered hide layer
	for _ in 1 2 3; do
		fails 'No such file' stat mnt/file
		ok stat mnt/secret/deep/file
		hide /secret
		ok stat mnt/file
		fails 'No such file' stat mnt/secret/deep/file
		is $'file\nlink\nopen' ls mnt
		hide /file
		is $'link\nopen\nsecret' ls mnt
	done
	unmount mnt
	unload hide
}

@test "a directory that is being listed loses what is hidden meanwhile" {
	mkdir -p {1,2}/d
	# Long names: not all of them fit into what libc reads at once.
	local long
	long=$(printf '%080d' 0)
	for i in {100..999}; do
		echo >"1/d/$i$long"
		echo >"2/d/x$i$long"
	done
	hide /nothing
	filtered hide 1 2
	is "" python3 - <<-'P'
		import os, subprocess
		scan = os.scandir('mnt/d')
		first = next(scan).name
		names = [f'/d/{i}' + '0' * 80 for i in range(100, 1000)]
		open('paths', 'w').write('\n'.join(names))
		subprocess.check_call(['lamina', 'filter', 'load', 'hide', '--replace', '--paths', 'paths'])
		# What was read into the process before is its own.
		late = [e.name for e in scan][500:]
		assert len(late) > 300, len(late)
		assert not [n for n in late if not n.startswith('x')], late
	P
	unmount mnt
	unload hide
}

@test "ten thousand paths" {
	mkdir -p layer/{0..99}
	for i in {0..99}; do
		touch layer/"$i"/{0..119}
	done
	for i in {0..99}; do
		printf "/$i/%d\n" {0..99}
	done >paths
	ok lamina filter load hide --paths paths
	filtered hide layer
	is 2000 bash -c 'find mnt -type f | wc -l'
	fails 'No such file' stat mnt/50/99
	ok stat mnt/50/100
	unmount mnt
	unload hide
}

@test "a list that can't be meant is refused, with the line" {
	printf '/good\n\n/a/../b\n' >paths
	fails "paths:3: '/a/../b' is no path" lamina filter load hide --paths paths
	printf '/\n' >paths
	fails "paths:1: '/' is no path" lamina filter load hide --paths paths
	printf '/%0300d\n' 1 >paths
	fails 'more than 255 bytes' lamina filter load hide --paths paths
	fails 'none cannot be read' lamina filter load hide --paths none
	fails 'takes no paths' lamina filter load overlay --paths /dev/null
	is '' filters
}

@test "each view is where its cookie says" {
	make_layer
	hide /file
	mkdir -p mnt other
	ok lamina mount -o lowerdir=layer,filter=hide mnt
	ok lamina mount -o lowerdir=layer,filter=hide:0 other
	fails 'No such file' stat mnt/file
	ok stat other/file
	unmount mnt other
	unload hide
}
