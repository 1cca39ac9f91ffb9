// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/kernel.h"

#include <fcntl.h>
#include <linux/fuse_bpf.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"

static const struct candidate {
	const char *device, *type, *control;
} candidates[] = {
	{"/dev/fuse_bpf", "fuse_bpf", "fuse_bpfctl"},
	{"/dev/fuse", "fuse", "fusectl"},
};

static errint_t ask(const char *device, struct fuse_bpf_features *ret)
{
	_cleanup_fd_ int fd = open(device, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	memset(ret, 0, sizeof(*ret));
	return ioctl(fd, FUSE_BPF_IOC_FEATURES, ret) < 0 ? -errno : 0;
}

errint_t lamina_view_kernel_probe(struct lamina_view_kernel *ret, struct lamina_error *error)
{
	struct fuse_bpf_features features;
	errint_t err, first = 0;

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		const struct candidate *c = &candidates[i];

		err = ask(c->device, &features);
		if (!first)
			first = err;
		if (err < 0 || !(features.features & FUSE_BPF_FEATURE_VIEWS))
			continue;
		*ret = (struct lamina_view_kernel){
			.device = c->device,
			.type = c->type,
			.control = c->control,
			.features = features.features,
			.layers_max = features.layers_max,
		};
		return 0;
	}
	if (first == -EACCES)
		return lamina_error_set(error, first, "cannot open /dev/fuse_bpf");
	return lamina_error_say(error, -EOPNOTSUPP,
				"the kernel has no FUSE-BPF; is the module fuse_bpf loaded?");
}
