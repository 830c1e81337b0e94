// SPDX-License-Identifier: Apache-2.0
#pragma once
// Images of the store, opened once for all who read them at the same time, in any format. Unpacked blocks
// are shared and bounded; an image is opened on a thread of its own, because an XVA must be walked through
// to know its disks, and whoever waits for that holds no thread. An opening that failed answers all who ask
// within a moment, so that a damaged image is not opened for each of them; then it is tried again, since what
// was wrong may have been the machine's (no descriptor left, an error of the disk).
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "formats/image/plan_output.hpp"
#include "formats/image/shared_image.hpp"
#include "server/catalog/catalog.hpp"
#include "server/images/attempts.hpp"
#include "server/store/store.hpp"

namespace server::images {

struct Place {
    formats::Format format;
    formats::Compression packing;
};
// "xva.xz", "qcow2" …; none for what is not an image.
std::optional<Place> place_of(const catalog::Artifact& artifact);

// A file that is not there, made as it is read.
class Output {
public:
    virtual ~Output() = default;
    virtual std::uint64_t size() const = 0;
    // Throws formats::NotYet. Thread-safe.
    virtual void read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
};

// One disk of an image, or for an XVA with disk 0 all of them, in another format.
struct Wish {
    formats::OutputKind kind;
    std::size_t disk = 0;        // from 1; 0 is the only one
    formats::Hardware hardware;  // for an XVA of an image that has none itself
    std::string etag;            // of all this and the artifact
};

// The image has several disks and the wish names none of them, or one that is not there.
class WhichDisk : public std::runtime_error {
public:
    WhichDisk(std::size_t asked, std::size_t there)
        : std::runtime_error("the image has " + std::to_string(there) + (there == 1 ? " disk" : " disks")),
          asked(asked),
          there(there) {}
    std::size_t asked, there;
};

class StoredImages {
public:
    explicit StoredImages(const store::Store& store, std::chrono::milliseconds failure_stays = std::chrono::seconds(2));
    ~StoredImages();  // stops what is being opened

    // Nothing while the image is being opened: ask again in a moment. Throws WhichDisk, std::invalid_argument
    // when the format cannot hold the disk, formats::NotReadableAnywhere, CorruptImage, RefusedImage.
    std::shared_ptr<const Output> output(const catalog::Artifact& artifact, const Wish& wish);

    // The artifact's own bytes, unpacked. The same.
    std::shared_ptr<const Output> unpacked(const catalog::Artifact& artifact);

private:
    struct Image;
    std::shared_ptr<Image> find(const catalog::Artifact& artifact, bool extents);
    using File = Attempt<std::shared_ptr<formats::BlockSource>>;
    const File& file(const catalog::Artifact& artifact);

    static constexpr std::uint64_t cache_bytes = std::uint64_t{96} << 20;
    const store::Store& store_;
    std::shared_ptr<formats::BlockCache> cache_;
    std::stop_source stop_;
    std::mutex mutex_;
    Attempts<std::shared_ptr<Image>> opened_;
    Attempts<std::shared_ptr<formats::BlockSource>> files_;  // unpacked: their blocks in the cache serve all
};

}  // namespace server::images
