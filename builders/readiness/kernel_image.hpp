// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Linux kernel image says of itself to Xen: the ELF notes of the vmlinux inside a bzImage (Linux
// Documentation/arch/x86/boot.rst, payload_offset; Xen public/elfnote.h). Read from foreign bytes: every number is
// checked.
#include <cstdint>
#include <set>
#include <span>

namespace builders::readiness {

constexpr std::uint32_t note_entry = 1;          // XEN_ELFNOTE_ENTRY: can start as a PV guest
constexpr std::uint32_t note_phys32_entry = 18;  // XEN_ELFNOTE_PHYS32_ENTRY: can start as a PVH guest

// The types of all Xen notes. Throws std::runtime_error, naming what is wrong, for what is no such kernel.
std::set<std::uint32_t> xen_notes(std::span<const std::byte> bz_image);

}  // namespace builders::readiness
