// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which format do these bytes have? Every signature is looked for at once: a file that matches two is
// refused, because two programs could see two disks in it. Raw has no signature: it is never detected,
// only declared. Rules: docs/formats/detection.md.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/block_source.hpp"

namespace formats {

enum class Format { raw, qcow2, vhd, vmdk, xva, ova };

std::string_view to_string(Format format);  // "qcow2"
std::optional<Format> format_from(std::string_view name);
// By the ending of a file's name, without a packing's (".xz"): raw for .raw, .img and .iso.
std::optional<Format> format_by_ending(std::string_view name);

// All that match: the names of our formats and of those we know but do not read ("vhdx", "luks" …).
std::vector<std::string> signatures_of(BlockSource& file);
// Of a stream of which only the beginning is there; with 64 KiB of it all signatures are seen but those at a file's
// end.
constexpr std::size_t signature_bytes = std::size_t{64} << 10;
std::vector<std::string> signatures_of(std::span<const std::byte> first_bytes);

// The one format the content has; none when no signature matches. Throws RefusedImage when more than one
// does, or one that we do not read.
std::optional<Format> detect_format(BlockSource& file);

}  // namespace formats
