// SPDX-License-Identifier: Apache-2.0
#include "formats/image/plan_output.hpp"

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

// A layout and what is made of it, from any place; in one go when it is written.
class RangedPlan : public PlannedOutput {
public:
    std::uint64_t file_size() const override { return output_->size(); }
    void write(ByteSink& sink) override { output_->write(sink); }
    const RangedOutput* ranged() const override { return output_.get(); }

protected:
    std::unique_ptr<RangedOutput> output_;
};

class RawPlan : public RangedPlan {
public:
    explicit RawPlan(BlockSource& disk) { output_ = raw::raw_output(disk); }
};

class Qcow2Plan : public RangedPlan {
public:
    explicit Qcow2Plan(BlockSource& disk) : layout_(disk) {
        output_ = qcow2_output(layout_);
        if (layout_.virtual_size() != disk.virtual_size())
            notes_.push_back(padded(disk.virtual_size(), layout_.virtual_size(), "a whole sector"));
    }

private:
    qcow2::Qcow2Layout layout_;
};

class PackedQcow2Plan : public PlannedOutput {
public:
    PackedQcow2Plan(BlockSource& disk, const qcow2::PackOptions& options) : packed_(disk, options) {
        if (packed_.virtual_size() != disk.virtual_size())
            notes_.push_back(padded(disk.virtual_size(), packed_.virtual_size(), "a whole sector"));
    }
    std::uint64_t file_size() const override { return packed_.file_size(); }
    void write(ByteSink& sink) override { packed_.write(sink); }

private:
    qcow2::PackedQcow2 packed_;
};

class VhdPlan : public RangedPlan {
public:
    VhdPlan(BlockSource& disk, const vhd::VhdOptions& options) : layout_(disk, options) {
        output_ = vhd_output(layout_);
        if (layout_.virtual_size() != disk.virtual_size())
            notes_.push_back(padded(disk.virtual_size(), layout_.virtual_size(),
                                    options.kind == vhd::Kind::fixed ? "a whole MiB" : "a whole sector"));
    }

private:
    vhd::VhdLayout layout_;
};

class XvaPlan : public RangedPlan {
public:
    XvaPlan(const std::vector<BlockSource*>& disks, const Hardware& hardware, const xva::XvaOptions& options)
        : layout_(disks, hardware, options) {
        output_ = xva_output(layout_);
        for (const auto& disk : layout_.disks())
            if (disk.virtual_size != disk.source->virtual_size())
                notes_.push_back(padded(disk.source->virtual_size(), disk.virtual_size, "a whole MiB"));
    }
    void write(ByteSink& sink) override { xva::write_xva(layout_, sink); }  // checksums on threads of their own
    std::string ova_xml() const override { return layout_.ova_xml(); }

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

std::string output_name(const OutputKind& kind) {
    std::string name(to_string(kind.format));
    if (kind.fixed) name += "-fixed";
    if (kind.clusters != Compression::none) name += kind.clusters == Compression::zstd ? "-zstd" : "-zlib";
    return name + std::string(file_ending(kind.packing));
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
        if (kind.xxhash.value_or(kind.packing == Compression::zstd)) options.checksum = xva::Checksum::xxhash;
        if (!kind.date.empty()) options.date = kind.date;
        return std::make_unique<XvaPlan>(disks, hardware, options);
    }
    if (disks.size() != 1)
        throw std::invalid_argument(std::string(to_string(kind.format)) + " holds one disk, there are " +
                                    std::to_string(disks.size()));
    switch (kind.format) {
        case Format::raw:
            return std::make_unique<RawPlan>(*disks.front());
        case Format::qcow2:
            if (kind.clusters != Compression::none) {
                qcow2::PackOptions options;
                options.zstd = kind.clusters == Compression::zstd;
                options.level = kind.level.value_or(levels(kind.clusters).standard);
                options.spool_folder = kind.spool_folder;
                options.threads = kind.threads ? kind.threads : std::max(1U, std::thread::hardware_concurrency());
                return std::make_unique<PackedQcow2Plan>(*disks.front(), options);
            }
            return std::make_unique<Qcow2Plan>(*disks.front());
        case Format::vhd: {
            vhd::VhdOptions options;
            options.kind = kind.fixed ? vhd::Kind::fixed : vhd::Kind::dynamic;
            return std::make_unique<VhdPlan>(*disks.front(), options);
        }
        default:
            throw std::invalid_argument(std::string(to_string(kind.format)) + " is not written");
    }
}

}  // namespace formats
