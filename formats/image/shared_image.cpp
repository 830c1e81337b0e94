// SPDX-License-Identifier: Apache-2.0
#include "formats/image/shared_image.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "formats/disk/scanned_disk.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/stream/packed_blocks.hpp"
#include "formats/vhd/vhd.hpp"
#include "formats/xva/xva_disks.hpp"

namespace formats {
namespace {

using namespace std::chrono_literals;

// Waits for its turns as long as the image is being opened; whoever reads it then must not wait.
class Opening : public BlockSource {
public:
    Opening(std::shared_ptr<BlockSource> file, std::stop_token stop) : file_(std::move(file)), stop_(std::move(stop)) {}
    void opened() { patient_ = false; }

    std::uint64_t virtual_size() const override { return file_->virtual_size(); }
    Extent extent_at(std::uint64_t offset) override { return {offset, virtual_size() - offset, true}; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (patient_) {
            if (stop_.stop_requested()) throw std::runtime_error("stopped while an image was opened");
            try {
                return file_->read_at(offset, out);
            } catch (const NotYet&) {
                std::this_thread::sleep_for(5ms);
            }
        }
        file_->read_at(offset, out);
    }

private:
    std::shared_ptr<BlockSource> file_;
    std::stop_token stop_;
    std::atomic<bool> patient_ = true;
};

// Readers of formats with tables keep the last table they used: one at a time.
class OneAtATime : public BlockSource {
public:
    explicit OneAtATime(std::unique_ptr<BlockSource> disk) : disk_(std::move(disk)) {}
    std::uint64_t virtual_size() const override { return disk_->virtual_size(); }
    Extent extent_at(std::uint64_t offset) override {
        const std::lock_guard lock(mutex_);
        return disk_->extent_at(offset);
    }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        const std::lock_guard lock(mutex_);
        disk_->read_at(offset, out);
    }

private:
    std::unique_ptr<BlockSource> disk_;
    std::mutex mutex_;
};

// Holes of a stored file are the file system's affair: only its content says what is zero.
class ScannedShared : public BlockSource {
public:
    explicit ScannedShared(std::shared_ptr<BlockSource> disk) : disk_(std::move(disk)), scanned_(*disk_) {}
    std::uint64_t virtual_size() const override { return disk_->virtual_size(); }
    Extent extent_at(std::uint64_t offset) override { return scanned_.extent_at(offset); }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override { disk_->read_at(offset, out); }

private:
    std::shared_ptr<BlockSource> disk_;
    ScannedDisk scanned_;
};

// A disk that says it is full of data may be a file without holes.
std::shared_ptr<BlockSource> with_extents(std::shared_ptr<BlockSource> disk, bool wanted) {
    if (disk->virtual_size() == 0) throw CorruptImage("the stored disk is empty");
    const Extent first = disk->extent_at(0);
    if (!wanted || !first.allocated || first.length < disk->virtual_size()) return disk;
    return std::make_shared<ScannedShared>(std::move(disk));
}

}  // namespace

std::shared_ptr<BlockSource> open_shared_file(std::shared_ptr<BlockSource> file, Compression packing,
                                              std::shared_ptr<BlockCache> cache) {
    if (packing == Compression::none) return file;
    auto blocks = open_blocks(packing, std::move(file), std::move(cache));
    if (!blocks)
        throw NotReadableAnywhere("the " + std::string(to_string(packing)) +
                                  " file does not say where its blocks are, or they are too large to be held: it can "
                                  "only be unpacked from its beginning");
    return blocks;
}

SharedImage open_shared(std::shared_ptr<BlockSource> file, const SharedOptions& options, std::stop_token stop) {
    const auto opening = std::make_shared<Opening>(std::move(file), std::move(stop));
    SharedImage image;
    switch (options.format) {
        case Format::raw:
            image.disks.push_back(with_extents(opening, options.extents));
            break;
        case Format::qcow2:
            image.disks.push_back(std::make_shared<OneAtATime>(qcow2::open_qcow2(opening)));
            break;
        case Format::vhd:
            image.disks.push_back(with_extents(std::make_shared<OneAtATime>(vhd::open_vhd(opening)), options.extents));
            break;
        case Format::xva: {
            // A packed file's own check says more than the chunks' checksums, and costs less.
            xva::XvaImage archive =
                xva::open_xva(opening, nullptr,
                              options.packing == Compression::none ? xva::Readers::many_verified : xva::Readers::many);
            for (std::unique_ptr<BlockSource>& disk : archive.disks) image.disks.push_back(std::move(disk));
            image.hardware = archive.hardware;
            break;
        }
        default:
            throw RefusedImage(std::string(to_string(options.format)) + " is not read so");
    }
    opening->opened();
    return image;
}

}  // namespace formats
