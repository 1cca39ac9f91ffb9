# Gives the stand-alone module names of its own, so that it lives beside the kernel's fuse.

# No exported symbols: nobody else is built against these.
/^EXPORT_SYMBOL\(_GPL\)\?(/d

# The device: any free number, usable by everybody as /dev/fuse is.
s/^MODULE_ALIAS_MISCDEV(FUSE_MINOR);$//
s/^MODULE_ALIAS("devname:fuse");$//
s/^\t\.minor = FUSE_MINOR,$/\t.minor = MISC_DYNAMIC_MINOR,\n\t.mode = 0666,/
s/^\t\.name  = "fuse",$/\t.name  = "fuse_bpf",/

# File system types, the directory in /sys/fs, slab caches, trace events, messages.
s/^\t\.name\t\t= "fuse",$/\t.name\t\t= "fuse_bpf",/
s/^MODULE_ALIAS_FS("fuse");$/MODULE_ALIAS_FS("fuse_bpf");/
s/^\t\.name\t\t= "fusectl",$/\t.name\t\t= "fuse_bpfctl",/
s/^MODULE_ALIAS_FS("fusectl");$/MODULE_ALIAS_FS("fuse_bpfctl");/
s/kobject_create_and_add("fuse",/kobject_create_and_add("fuse_bpf",/
s/kmem_cache_create("fuse_/kmem_cache_create("fuse_bpf_/
s/^#define TRACE_SYSTEM fuse$/#define TRACE_SYSTEM fuse_bpf/
s/pr_fmt(fmt) "fuse: "/pr_fmt(fmt) "fuse_bpf: "/

# No mounts of block devices: that is another file system type.
s/^#ifdef CONFIG_BLOCK$/#if 0/
