// SPDX-License-Identifier: Apache-2.0
#include "server/images/stored_images.hpp"

#include <map>
#include <utility>

#include "formats/disk/file_disk.hpp"

namespace server::images {
namespace {

using formats::Compression;
using formats::Format;

class Unpacked : public Output {
public:
    explicit Unpacked(std::shared_ptr<formats::BlockSource> file) : file_(std::move(file)) {}
    std::uint64_t size() const override { return file_->virtual_size(); }
    void read_at(std::uint64_t offset, std::span<std::byte> out) const override { file_->read_at(offset, out); }

private:
    std::shared_ptr<formats::BlockSource> file_;
};

class Planned : public Output {
public:
    Planned(std::shared_ptr<const formats::PlannedOutput> plan, std::shared_ptr<const void> image)
        : image_(std::move(image)), plan_(std::move(plan)) {}
    std::uint64_t size() const override { return plan_->file_size(); }
    void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
        plan_->ranged()->read_at(offset, out);
    }

private:
    std::shared_ptr<const void> image_;  // whose disks the plan reads
    std::shared_ptr<const formats::PlannedOutput> plan_;
};

}  // namespace

std::optional<Place> place_of(const catalog::Artifact& artifact) {
    const std::size_t dot = artifact.format.find('.');
    const auto format = formats::format_from(artifact.format.substr(0, dot));
    const auto packing = dot == std::string::npos ? std::optional(Compression::none)
                                                  : formats::compression_from(artifact.format.substr(dot + 1));
    if (!format || !packing || *format == Format::vmdk || *format == Format::ova) return std::nullopt;
    return Place{*format, *packing};
}

struct StoredImages::Image : std::enable_shared_from_this<Image> {
    formats::SharedImage opened;
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<const formats::PlannedOutput>> plans;  // by ETag

    std::shared_ptr<const Output> output(const Wish& wish) {
        std::vector<formats::BlockSource*> disks;
        const bool all = wish.kind.format == Format::xva && wish.disk == 0;
        const std::size_t one = wish.disk == 0 && opened.disks.size() == 1 ? 1 : wish.disk;
        if (!all && (one == 0 || one > opened.disks.size())) throw WhichDisk(wish.disk, opened.disks.size());
        for (std::size_t i = 0; i < opened.disks.size(); ++i)
            if (all || i + 1 == one) disks.push_back(opened.disks[i].get());
        const std::lock_guard lock(mutex);
        if (plans.size() > most_plans) plans.clear();
        auto& plan = plans[wish.etag];
        if (!plan) plan = plan_output(wish.kind, disks, opened.hardware.value_or(wish.hardware));
        return std::make_shared<const Planned>(plan, shared_from_this());
    }

    static constexpr std::size_t most_plans = 16;
};

namespace {
constexpr std::size_t most_opened = 32;
}

StoredImages::StoredImages(const store::Store& store, std::chrono::milliseconds failure_stays)
    : store_(store),
      cache_(std::make_shared<formats::BlockCache>(cache_bytes)),
      opened_(most_opened, failure_stays),
      files_(most_opened, failure_stays) {}

StoredImages::~StoredImages() {
    stop_.request_stop();
    opened_.wait();
}

std::shared_ptr<StoredImages::Image> StoredImages::find(const catalog::Artifact& artifact, bool extents) {
    const Place place = place_of(artifact).value();
    const std::string key = artifact.sha256 + (extents || place.format != Format::raw ? "" : " plain");
    const std::lock_guard lock(mutex_);
    const auto& image = opened_.of(key, [&, this]() -> std::function<std::shared_ptr<Image>()> {
        return [unpacked = file(artifact), place, extents, stop = stop_.get_token()] {
            auto opened = std::make_shared<Image>();
            opened->opened = open_shared(unpacked.get(), {place.format, place.packing, extents}, stop);
            return opened;
        };
    });
    return image.over() ? image.get() : nullptr;
}

std::shared_ptr<const Output> StoredImages::output(const catalog::Artifact& artifact, const Wish& wish) {
    const auto image = find(artifact, wish.kind.format != Format::raw);
    return image ? image->output(wish) : nullptr;
}

std::shared_ptr<const Output> StoredImages::unpacked(const catalog::Artifact& artifact) {
    const std::lock_guard lock(mutex_);
    const File& unpacked = file(artifact);
    return unpacked.over() ? std::make_shared<const Unpacked>(unpacked.get()) : nullptr;
}

// The lock is held.
const StoredImages::File& StoredImages::file(const catalog::Artifact& artifact) {
    return files_.of(artifact.sha256, [&, this] {
        return [path = store_.path(formats::Sha256::of(artifact.sha256, "the digest of " + artifact.file_name)),
                packing = place_of(artifact).value().packing,
                cache = cache_] { return open_shared_file(formats::open_file(path), packing, cache); };
    });
}

}  // namespace server::images
