// SPDX-License-Identifier: Apache-2.0
#include "worker/produce.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "builders/job/errors.hpp"
#include "formats/base/whole_file.hpp"
#include "formats/base/workers.hpp"
#include "formats/disk/disk_digest.hpp"
#include "formats/disk/fan_out.hpp"
#include "formats/machine/domain_config.hpp"
#include "formats/stream/compress.hpp"
#include "formats/stream/digest.hpp"
#include "formats/stream/sinks.hpp"

namespace worker {
namespace {

using formats::BlockSource;
using formats::Compression;
using formats::DigestKind;
using formats::OutputKind;
constexpr DigestKind sha256 = DigestKind::sha256, md5 = DigestKind::md5;

// One output file and its way there: compressor → artifact's digests and file.
class OutputFile {
public:
    OutputFile(const OutputKind& kind, const std::filesystem::path& out, const std::string& stem)
        : kind_(kind),
          name_(product_name(stem, output_name(kind))),
          file_(out / name_),
          digest_{sha256, md5},
          stored_(file_, digest_),
          compressor_(make_compressor(kind.packing, packing_level(kind), kind.threads, stored_)) {}

    formats::ByteSink& sink() { return *compressor_; }
    bool packed() const { return kind_.packing != Compression::none; }
    const formats::DigestSink& digest() const { return digest_; }

    Product product(const formats::DigestSink& image) const {
        return {name_,
                output_name(kind_),
                digest_.size(),
                formats::Sha256::of(digest_.hex(sha256), name_),
                formats::Md5::of(digest_.hex(md5), name_),
                image.size(),
                formats::Sha256::of(image.hex(sha256), name_),
                formats::Md5::of(image.hex(md5), name_)};
    }

private:
    // The level of packed clusters is not that of the file around them.
    static int packing_level(const OutputKind& kind) {
        const int standard = levels(kind.packing).standard;
        return kind.packing == Compression::none ? standard : kind.level.value_or(standard);
    }

    OutputKind kind_;
    std::string name_;
    formats::FileSink file_;
    formats::DigestSink digest_;
    formats::TeeSink stored_;
    std::unique_ptr<formats::ByteSink> compressor_;
};

bool same_image(const OutputKind& a, const OutputKind& b) {
    return a.format == b.format && a.fixed == b.fixed && a.clusters == b.clusters && a.xxhash == b.xxhash &&
           a.date == b.date;
}

// The same bytes for one file or several. A file that is not packed has the image's digests already.
class Image : public formats::ByteSink {
public:
    Image(const OutputKind& kind, std::function<void(double)> done, std::stop_token stop)
        : kind_(kind), done_(std::move(done)), stop_(std::move(stop)) {}

    const OutputKind& kind() const { return kind_; }
    const std::string& ova_xml() const { return ova_xml_; }
    void add(const OutputKind& kind, const std::filesystem::path& out, const std::string& stem) {
        files_.push_back(std::make_unique<OutputFile>(kind, out, stem));
        if (!files_.back()->packed()) plain_ = files_.back().get();
    }

    std::vector<std::string> produce(const std::vector<BlockSource*>& disks, const formats::Hardware& hardware) {
        const auto plan = plan_output(kind_, disks, hardware);
        // From here on every byte of the image is determined.
        size_ = plan->file_size();
        ova_xml_ = plan->ova_xml();
        plan->write(*this);
        finish();
        // From here on the files are complete and synced; before, none of them would have stayed.
        return plan->notes();
    }

    void write(std::span<const std::byte> bytes) override {
        if (stop_.stop_requested()) throw builders::Cancelled();
        if (!plain_) digest_.write(bytes);
        for (const auto& file : files_) file->sink().write(bytes);
        tell(bytes.size());
    }
    void write_zeroes(std::uint64_t count) override {
        constexpr std::uint64_t most = std::uint64_t{64} << 20;
        for (std::uint64_t part = 0; count > 0; count -= part) {
            if (stop_.stop_requested()) throw builders::Cancelled();
            part = std::min(count, most);
            if (!plain_) digest_.write_zeroes(part);
            for (const auto& file : files_) file->sink().write_zeroes(part);
            tell(part);
        }
    }
    void finish() override {
        if (!plain_) digest_.finish();
        for (const auto& file : files_) file->sink().finish();
    }

    void add_products(std::vector<Product>& products) const {
        for (const auto& file : files_) products.push_back(file->product(plain_ ? plain_->digest() : digest_));
    }

private:
    void tell(std::uint64_t count) {
        written_ += count;
        if (done_ && size_ > 0) done_(static_cast<double>(written_) / static_cast<double>(size_));
    }

    OutputKind kind_;
    std::function<void(double)> done_;
    std::stop_token stop_;
    std::vector<std::unique_ptr<OutputFile>> files_;
    OutputFile* plain_ = nullptr;
    formats::DigestSink digest_{sha256, md5};
    std::string ova_xml_;
    std::uint64_t size_ = 0, written_ = 0;
};

// The same machine in the words of xl and libvirt, its disks where the order says or Xen's tools look for them.
void describe_machine(const Order& order, Produced& produced) {
    using formats::machine::Hypervisor;
    const std::string& stem = order.file_stem;
    std::vector<Product>& products = produced.products;
    const auto paths = [&](const std::string& folder) {
        if (!order.disk_paths.empty()) return order.disk_paths;
        std::vector<std::string> list;
        for (std::size_t i = 1; i <= order.disks.size(); ++i)
            list.push_back(folder + stem + "-disk" + std::to_string(i) + ".raw");
        return list;
    };
    const auto image = std::ranges::find_if(products, [](const Product& p) { return p.format.starts_with("xva"); });
    const auto where = [&](const std::vector<std::string>& list) {
        return !order.disk_paths.empty() || image == products.end()
                   ? std::vector<std::string>()
                   : formats::machine::how_to_get_disks(image->file_name, stem, list);
    };
    const auto xen = paths("/var/lib/xen/images/"), kvm = paths("/var/lib/libvirt/images/");
    const auto from_xen = where(xen), from_kvm = where(kvm);
    const auto add = [&](const std::string& text, const char* format) {
        products.push_back(write_text(text, format, order.out, stem));
    };
    add(formats::machine::xl_config(order.hardware, xen, from_xen), "xl.cfg");
    add(formats::machine::libvirt_xml(order.hardware, xen, Hypervisor::xen, from_xen), "libvirt-xen.xml");
    if (formats::machine::starts_under_kvm(order.hardware, *order.disks.front()))
        add(formats::machine::libvirt_xml(order.hardware, kvm, Hypervisor::kvm, from_kvm), "libvirt-kvm.xml");
    else
        produced.notes.emplace_back("libvirt-kvm.xml is left out: KVM cannot boot this disk with this hardware");
}

// The mean of several parts, each told by a thread of its own.
class Parts {
public:
    Parts(std::size_t count, const std::function<void(double)>& done) : parts_(count, 0), done_(done) {}
    void tell(std::size_t index, double part) {
        const std::lock_guard lock(mutex_);
        sum_ += part - parts_[index];
        parts_[index] = part;
        if (done_) done_(sum_ / static_cast<double>(parts_.size()));
    }

private:
    std::mutex mutex_;
    std::vector<double> parts_;
    double sum_ = 0;
    const std::function<void(double)>& done_;
};

// Of one thread of a compressor; xz's by its levels' dictionaries, and two blocks.
std::uint64_t memory_per_thread(const OutputKind& kind) {
    constexpr std::array<unsigned, 10> xz_mib{36, 42, 48, 64, 80, 128, 128, 220, 405, 710};
    const int level = kind.level.value_or(levels(kind.packing).standard);
    const bool xz = kind.packing == Compression::xz;
    return std::uint64_t{xz ? xz_mib.at(static_cast<std::size_t>(level)) : level >= 16 ? 300U : 40U} << 20;
}

}  // namespace

void share_memory(std::vector<OutputKind>& outputs, std::uint64_t memory, const std::filesystem::path& spool_folder) {
    for (OutputKind& kind : outputs) {
        const std::uint64_t fit =
            std::clamp<std::uint64_t>(memory / 2 / outputs.size() / memory_per_thread(kind), 1, 16);
        kind.threads = std::min(static_cast<unsigned>(fit), formats::Workers::processors());
        kind.spool_folder = spool_folder;
    }
}

Produced produce(const Order& order, const std::function<void(double)>& done, const std::stop_token& stop) {
    std::vector<std::vector<OutputKind>> groups;
    for (const OutputKind& kind : order.outputs) {
        const auto same = std::ranges::find_if(groups, [&](const auto& group) { return same_image(group[0], kind); });
        if (same == groups.end())
            groups.push_back({kind});
        else
            same->push_back(kind);
    }
    Parts parts(groups.size(), done);
    std::vector<std::unique_ptr<Image>> images;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        images.push_back(std::make_unique<Image>(
            groups[i][0], [&parts, i](double part) { parts.tell(i, part); }, stop));
        for (const OutputKind& kind : groups[i]) images[i]->add(kind, order.out, order.file_stem);
    }

    Produced produced;
    std::vector<std::vector<std::string>> notes(images.size());
    const auto write = [&](std::size_t i, const std::vector<BlockSource*>& disks) {
        if (i < images.size()) {
            notes[i] = images[i]->produce(disks, order.hardware);
            return;
        }
        for (BlockSource* disk : disks) produced.disk_digests.push_back(disk_digest(*disk));
    };
    if (images.size() == 1 && !order.disk_digests)
        write(0, order.disks);
    else
        read_side_by_side(order.disks, images.size() + (order.disk_digests ? 1 : 0), write);

    std::string ova_xml;
    for (std::size_t i = 0; i < images.size(); ++i) {
        images[i]->add_products(produced.products);
        if (ova_xml.empty()) ova_xml = images[i]->ova_xml();
        for (const std::string& note : notes[i]) produced.notes.push_back(output_name(groups[i][0]) + ": " + note);
    }
    if (ova_xml.empty()) return produced;
    produced.products.push_back(write_text(ova_xml, "ova.xml", order.out, order.file_stem));
    describe_machine(order, produced);
    return produced;
}

}  // namespace worker
