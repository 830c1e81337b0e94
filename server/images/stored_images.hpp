// SPDX-License-Identifier: Apache-2.0
#pragma once
// Images of the store, opened once for all who read them at the same time, in any format. Unpacked blocks
// are shared and bounded; an image is opened on a thread of its own, because an XVA must be walked through
// to know its disks, and whoever waits for that holds no thread.
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "formats/plan_output.hpp"
#include "formats/shared_image.hpp"
#include "server/catalog/catalog.hpp"
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
    explicit StoredImages(const store::Store& store);
    ~StoredImages();  // stops what is being opened

    // Nothing while the image is being opened: ask again in a moment. Throws WhichDisk, std::invalid_argument
    // when the format cannot hold the disk, formats::NotReadableAnywhere, CorruptImage, RefusedImage.
    std::shared_ptr<const Output> output(const catalog::Artifact& artifact, const Wish& wish);

    // The artifact's own bytes, unpacked. The same.
    std::shared_ptr<const Output> unpacked(const catalog::Artifact& artifact);

private:
    struct Image;
    struct Opened {
        std::string key;
        std::shared_future<std::shared_ptr<Image>> image;
    };
    std::shared_ptr<Image> find(const catalog::Artifact& artifact, bool extents);
    using File = std::shared_future<std::shared_ptr<formats::BlockSource>>;
    File file(const catalog::Artifact& artifact);

    static constexpr std::uint64_t cache_bytes = std::uint64_t{96} << 20;
    static constexpr std::size_t most_opened = 32;

    const store::Store& store_;
    std::shared_ptr<formats::BlockCache> cache_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::list<Opened> opened_;  // the one used last first
    // Unpacked files, each opened once so that its blocks in the cache serve all; the one used last first.
    std::list<std::pair<std::string, File>> files_;
};

}  // namespace server::images
