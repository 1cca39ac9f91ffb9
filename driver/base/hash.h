/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash-1-3, keyed: for every table whose keys somebody in a container can choose.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t lamina_hash(const uint64_t key[2], const void *data, size_t size);
