// SPDX-License-Identifier: Apache-2.0
#pragma once
// VHD, fixed and dynamic (Microsoft's specification of 2006 and XenServer's batmap; byte table:
// docs/formats/vhd.md). Differencing disks are refused. What we write as dynamic has the creator
// "tap", a batmap and blocks of 2 MiB, so that XenServer can also resize it; what we write as fixed
// has a whole number of MiB, as Azure asks.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/facts.hpp"
#include "formats/disk/ranged_output.hpp"
#include "formats/disk/views.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats::vhd {

// Throws RefusedImage for a differencing disk or a parent; CorruptImage, naming the field, else.
std::unique_ptr<BlockSource> open_vhd(std::shared_ptr<BlockSource> file, Facts* facts = nullptr);

// What `xenkiln check` finds beyond what open_vhd() already refuses: data under a clear bitmap bit,
// footers that differ, a wrong batmap. One line each, at most 100.
std::vector<std::string> check_vhd(BlockSource& file);

enum class Kind { dynamic, fixed };
using Uuid = std::array<std::uint8_t, 16>;

struct VhdOptions {
    Kind kind = Kind::dynamic;
    std::uint32_t timestamp = 0;  // seconds since 2000-01-01 UTC
    std::optional<Uuid> uuid;     // by default made of the size and the allocation
};

struct Geometry {
    std::uint16_t cylinders;
    std::uint8_t heads, sectors_per_track;
};
// The largest geometry that is not larger than the disk, as the specification computes it.
Geometry geometry_of(std::uint64_t bytes);

// Every place in the file, fixed before the first byte. Throws std::invalid_argument for a disk
// larger than 2040 GiB, which no VHD can be. REQUIRES: the disk outlives the layout.
class VhdLayout {
public:
    VhdLayout(BlockSource& disk, const VhdOptions& options);

    std::uint64_t file_size() const;
    // The disk's, padded to a whole sector (dynamic) or MiB (fixed).
    std::uint64_t virtual_size() const { return virtual_size_; }

    static constexpr std::uint64_t block_size = std::uint64_t{2} << 20;
    BlockSource& disk() const { return disk_; }
    const VhdOptions& options() const { return options_; }
    const Uuid& uuid() const { return uuid_; }
    const std::vector<UnitRun>& runs() const { return runs_; }  // blocks that hold data
    std::uint64_t blocks() const;                               // of the whole disk
    std::uint64_t bat_offset() const { return 1536; }
    std::uint64_t bat_size() const;  // bytes, padded to a sector
    std::uint64_t batmap_size() const;
    std::uint64_t first_block_offset() const;

private:
    BlockSource& disk_;
    VhdOptions options_;
    Uuid uuid_;
    std::uint64_t virtual_size_;
    std::vector<UnitRun> runs_;
    std::uint64_t data_blocks_ = 0;
};

// The image: layout.file_size() bytes. REQUIRES: the layout outlives it.
std::unique_ptr<RangedOutput> vhd_output(const VhdLayout& layout);

}  // namespace formats::vhd
