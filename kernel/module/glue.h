/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the stand-alone module is configured, whatever the kernel's fs/fuse is. DAX and virtiofs
 * belong to that; here they are left out.
 */
#undef CONFIG_FUSE_DAX
#undef CONFIG_VIRTIO_FS
#undef CONFIG_VIRTIO_FS_MODULE
#define CONFIG_FUSE_BPF		1
#define CONFIG_FUSE_BPF_FILTERS 1
#ifndef CONFIG_FUSE_PASSTHROUGH
#define CONFIG_FUSE_PASSTHROUGH 1
#endif
