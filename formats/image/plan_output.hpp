// SPDX-License-Identifier: Apache-2.0
#pragma once
// Disks into a file of any format that we write: the whole layout is planned from the extents, so that
// the size is known before the first byte; then the bytes flow once, forward. The same disks and
// options give the same bytes.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/ranged_output.hpp"
#include "formats/image/detect_format.hpp"
#include "formats/machine/hardware.hpp"
#include "formats/stream/byte_sink.hpp"
#include "formats/stream/compress.hpp"

namespace formats {

struct OutputKind {
    Format format = Format::raw;
    bool fixed = false;  // VHD only
    // qcow2 only: compressed clusters, by zlib (gzip) or zstd. Packed when the plan is made.
    Compression clusters = Compression::none;
    unsigned threads = 0;                             // to pack clusters with; 0: one per processor
    std::filesystem::path spool_folder = "/var/tmp";  // for packed clusters
    // XVA only: the chunks' checksum and the date in ova.xml. Else SHA-1, and xxhash where all who can unpack it know
    // it.
    std::optional<bool> xxhash;
    std::string date;
    Compression packing = Compression::none;
    std::optional<int> level;
};
// "qcow2", "qcow2-zlib", "qcow2-zstd", "vhd", "vhd-fixed", "raw", "xva", each with ".xz", ".gz", ".zst" behind it if
// wanted.
std::optional<OutputKind> output_kind_from(std::string_view name);
std::string output_name(const OutputKind& kind);  // back: "vhd-fixed", "xva.xz"
// By the ending of a file's name; ".vhd" is dynamic.
std::optional<OutputKind> output_kind_by_ending(std::string_view name);

class PlannedOutput {
public:
    virtual ~PlannedOutput() = default;
    virtual std::uint64_t file_size() const = 0;  // before packing
    virtual void write(ByteSink& sink) = 0;       // once; does not finish the sink
    // The same bytes, before packing, from any place, as long as the plan lives. None for packed clusters of a
    // qcow2: where they stand is known only when all are packed.
    virtual const RangedOutput* ranged() const { return nullptr; }
    const std::vector<std::string>& notes() const { return notes_; }  // "padded from … to …"
    virtual std::string ova_xml() const { return {}; }                // of an XVA: what describes its machine

protected:
    std::vector<std::string> notes_;
};

// REQUIRES: the disks outlive the plan. `hardware` is used by XVA only. Throws std::invalid_argument
// for what the format cannot hold: several disks in a format of one, a disk too large.
std::unique_ptr<PlannedOutput> plan_output(const OutputKind& kind, const std::vector<BlockSource*>& disks,
                                           const Hardware& hardware);

}  // namespace formats
