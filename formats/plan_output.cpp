// SPDX-License-Identifier: Apache-2.0
#include "formats/plan_output.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "formats/qcow2/packed_qcow2.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/raw/raw.hpp"
#include "formats/vhd/vhd.hpp"
#include "formats/xva/xva.hpp"

namespace formats {
namespace {

std::string padded(std::uint64_t from, std::uint64_t to, const char* why) {
    return "the disk of " + std::to_string(from) + " bytes is padded with zeroes to " + std::to_string(to) + ", " + why;
}

class RawOutput : public PlannedOutput {
public:
    explicit RawOutput(BlockSource& disk) : disk_(disk) {}
    std::uint64_t file_size() const override { return disk_.virtual_size(); }
    void write(ByteSink& sink) override { raw::write_raw(disk_, sink); }

private:
    BlockSource& disk_;
};

class Qcow2Output : public PlannedOutput {
public:
    explicit Qcow2Output(BlockSource& disk) : layout_(disk) {
        if (layout_.virtual_size() != disk.virtual_size())
            notes_.push_back(padded(disk.virtual_size(), layout_.virtual_size(), "a whole sector"));
    }
    std::uint64_t file_size() const override { return layout_.file_size(); }
    void write(ByteSink& sink) override { qcow2::write_qcow2(layout_, sink); }

private:
    qcow2::Qcow2Layout layout_;
};

class PackedQcow2Output : public PlannedOutput {
public:
    PackedQcow2Output(BlockSource& disk, const qcow2::PackOptions& options) : packed_(disk, options) {
        if (packed_.virtual_size() != disk.virtual_size())
            notes_.push_back(padded(disk.virtual_size(), packed_.virtual_size(), "a whole sector"));
    }
    std::uint64_t file_size() const override { return packed_.file_size(); }
    void write(ByteSink& sink) override { packed_.write(sink); }

private:
    qcow2::PackedQcow2 packed_;
};

class VhdOutput : public PlannedOutput {
public:
    VhdOutput(BlockSource& disk, const vhd::VhdOptions& options) : layout_(disk, options) {
        if (layout_.virtual_size() != disk.virtual_size())
            notes_.push_back(padded(disk.virtual_size(), layout_.virtual_size(),
                                    options.kind == vhd::Kind::fixed ? "a whole MiB" : "a whole sector"));
    }
    std::uint64_t file_size() const override { return layout_.file_size(); }
    void write(ByteSink& sink) override { vhd::write_vhd(layout_, sink); }

private:
    vhd::VhdLayout layout_;
};

class XvaOutput : public PlannedOutput {
public:
    XvaOutput(const std::vector<BlockSource*>& disks, const Hardware& hardware, const xva::XvaOptions& options)
        : layout_(disks, hardware, options) {
        for (const auto& disk : layout_.disks())
            if (disk.virtual_size != disk.source->virtual_size())
                notes_.push_back(padded(disk.source->virtual_size(), disk.virtual_size, "a whole MiB"));
    }
    std::uint64_t file_size() const override { return layout_.file_size(); }
    void write(ByteSink& sink) override { xva::write_xva(layout_, sink); }

private:
    xva::XvaLayout layout_;
};

}  // namespace

std::optional<OutputKind> output_kind_from(std::string_view name) {
    OutputKind kind;
    if (const std::size_t dot = name.rfind('.'); dot != std::string_view::npos) {
        const std::optional<Compression> packing = compression_from(name.substr(dot + 1));
        if (!packing) return std::nullopt;
        kind.packing = *packing;
        name = name.substr(0, dot);
    }
    kind.fixed = name == "vhd-fixed";
    if (name == "qcow2-zlib") kind.clusters = Compression::gzip;
    if (name == "qcow2-zstd") kind.clusters = Compression::zstd;
    if (kind.clusters != Compression::none) name = "qcow2";
    const std::optional<Format> format = kind.fixed ? Format::vhd : format_from(name);
    if (!format || *format == Format::vmdk || *format == Format::ova) return std::nullopt;
    kind.format = *format;
    return kind;
}

std::optional<OutputKind> output_kind_by_ending(std::string_view name) {
    const std::optional<Format> format = format_by_ending(name);
    if (!format || *format == Format::vmdk || *format == Format::ova) return std::nullopt;
    OutputKind kind;
    kind.format = *format;
    for (const Compression packing : {Compression::gzip, Compression::xz, Compression::zstd})
        if (name.ends_with(file_ending(packing))) kind.packing = packing;
    return kind;
}

std::unique_ptr<PlannedOutput> plan_output(const OutputKind& kind, const std::vector<BlockSource*>& disks,
                                           const Hardware& hardware) {
    if (kind.format == Format::xva) {
        xva::XvaOptions options;
        // Every host that unpacks zstd (xapi 1.214) knows this checksum, which costs a tenth of SHA-1.
        if (kind.packing == Compression::zstd) options.checksum = xva::Checksum::xxhash;
        return std::make_unique<XvaOutput>(disks, hardware, options);
    }
    if (disks.size() != 1)
        throw std::invalid_argument(std::string(to_string(kind.format)) + " holds one disk, there are " +
                                    std::to_string(disks.size()));
    switch (kind.format) {
        case Format::raw:
            return std::make_unique<RawOutput>(*disks.front());
        case Format::qcow2:
            if (kind.clusters != Compression::none) {
                qcow2::PackOptions options;
                options.zstd = kind.clusters == Compression::zstd;
                options.level = kind.level.value_or(levels(kind.clusters).standard);
                options.threads = kind.threads ? kind.threads : std::max(1U, std::thread::hardware_concurrency());
                return std::make_unique<PackedQcow2Output>(*disks.front(), options);
            }
            return std::make_unique<Qcow2Output>(*disks.front());
        case Format::vhd: {
            vhd::VhdOptions options;
            options.kind = kind.fixed ? vhd::Kind::fixed : vhd::Kind::dynamic;
            return std::make_unique<VhdOutput>(*disks.front(), options);
        }
        default:
            throw std::invalid_argument(std::string(to_string(kind.format)) + " is not written");
    }
}

}  // namespace formats
