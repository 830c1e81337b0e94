// SPDX-License-Identifier: Apache-2.0
// Stored images for many readers at once: what is packed is unpacked through one bounded cache.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "formats/image/plan_output.hpp"
#include "formats/image/shared_image.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using namespace std::chrono_literals;
using formats::BlockCache;
using formats::BlockSource;
using formats::Compression;
using formats::Format;
using formats::NotYet;
using support::MemoryDisk;
using support::mib;
using support::SparseFile;

std::shared_ptr<SparseFile> stored(const std::string& kind, const std::vector<BlockSource*>& disks) {
    formats::Hardware hardware;
    hardware.name = "test";
    const formats::OutputKind output = *formats::output_kind_from(kind);
    auto file = std::make_shared<SparseFile>();
    const auto packed = make_compressor(output.packing, formats::levels(output.packing).lowest, 2, *file);
    plan_output(output, disks, hardware)->write(*packed);
    packed->finish();
    return file;
}

formats::SharedImage opened(const std::shared_ptr<BlockSource>& file, const std::string& kind,
                            const std::shared_ptr<BlockCache>& cache) {
    const formats::OutputKind stored = *formats::output_kind_from(kind);
    return open_shared(open_shared_file(file, stored.packing, cache), {stored.format, stored.packing});
}

// 44 MiB that pack at once, and of which no page is like another.
class Pages : public BlockSource {
public:
    std::uint64_t virtual_size() const override { return 44 * mib; }
    formats::Extent extent_at(std::uint64_t offset) override { return {offset, virtual_size() - offset, true}; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const std::uint64_t page = offset / 4096;
            const auto part = out.first(std::min<std::uint64_t>(out.size(), (page + 1) * 4096 - offset));
            std::ranges::fill(part, static_cast<std::byte>(page * 37 + (page >> 8) + 1));
            offset += part.size();
            out = out.subspan(part.size());
        }
    }
};

TEST(SharedImage, every_stored_format_gives_the_disk_and_the_layouts_of_its_content) {
    MemoryDisk disk(5 * mib + 512);
    disk.fill(mib, 100, 3);
    disk.fill(5 * mib, 512, 3);
    const auto cache = std::make_shared<BlockCache>(32 * mib);
    for (const char* kind :
         {"raw", "raw.xz", "qcow2", "qcow2.xz", "vhd", "vhd.xz", "vhd-fixed", "xva", "xva.xz", "xva.zst", "xva.gz"}) {
        const formats::SharedImage image = opened(stored(kind, {&disk}), kind, cache);
        ASSERT_EQ(image.disks.size(), 1U) << kind;
        EXPECT_EQ(support::difference(disk, *image.disks[0]), "") << kind;
        // Two megabytes hold data, whatever the stored file says of its holes.
        const auto plan = plan_output(*formats::output_kind_from("vhd"), {image.disks[0].get()}, {});
        EXPECT_LE(plan->file_size(), 4 * mib + 8192) << kind;
        EXPECT_EQ(image.hardware.has_value(), std::string(kind).starts_with("xva")) << kind;
    }
}

TEST(SharedImage, many_readers_of_one_packed_xva_see_its_bytes_and_share_its_blocks) {
    Pages disk;
    const auto cache = std::make_shared<BlockCache>(32 * mib);  // two blocks of the three
    const formats::SharedImage image = opened(stored("xva.xz", {&disk}), "xva.xz", cache);
    const auto plan = plan_output(*formats::output_kind_from("qcow2"), {image.disks[0].get()}, {});
    SparseFile file;
    plan_output(*formats::output_kind_from("qcow2"), {&disk}, {})->write(file);
    const std::uint64_t before = cache->unpacked();
    std::atomic<int> wrong = 0;
    std::vector<std::thread> readers;
    for (unsigned i = 0; i < 6; ++i)
        readers.emplace_back([&, i] {
            std::vector<std::byte> found(200'000), wanted(200'000);
            for (std::uint64_t at = i * 1000; at + found.size() < file.virtual_size(); at += 1'500'000) {
                for (;;) {
                    try {
                        plan->ranged()->read_at(at, found);
                        break;
                    } catch (const NotYet&) {
                        std::this_thread::sleep_for(2ms);
                    }
                }
                const static std::uint64_t data = file.virtual_size() - disk.virtual_size();
                if (at < data) continue;
                disk.read_at(at - data, wanted);
                wrong += found != wanted;
            }
        });
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_LE(cache->unpacked() - before, 9U) << "each of six readers unpacked the three blocks for itself";
}

TEST(SharedImage, a_damaged_chunk_of_an_unpacked_xva_is_found_by_who_reads_it) {
    MemoryDisk disk(3 * mib);
    disk.fill(0, 3 * mib, 3);
    const auto file = stored("xva", {&disk});
    std::vector<std::byte> bytes(file->virtual_size());
    file->read_at(0, bytes);
    bytes[bytes.size() - 4 * 512 - 100] ^= std::byte{1};  // in the last chunk
    const auto cache = std::make_shared<BlockCache>(mib);
    const formats::SharedImage image = opened(std::make_shared<support::MemoryFile>(bytes), "xva", cache);
    std::array<std::byte, 512> sector{};
    EXPECT_NO_THROW(image.disks[0]->read_at(mib, sector));
    EXPECT_THROW(image.disks[0]->read_at(2 * mib, sector), formats::CorruptImage);
    EXPECT_THROW(image.disks[0]->read_at(2 * mib + 512, sector), formats::CorruptImage);
}

TEST(SharedImage, what_can_only_be_unpacked_from_its_beginning_is_refused_by_name) {
    // printf x | gzip -n
    std::vector<std::byte> file;
    for (const unsigned byte :
         {0x1fU, 0x8bU, 8U, 0U, 0U, 0U, 0U, 0U, 0U, 3U, 0xabU, 0U, 0U, 0x83U, 0x16U, 0xdcU, 0x8cU, 1U, 0U, 0U, 0U})
        file.push_back(static_cast<std::byte>(byte));
    EXPECT_THROW(open_shared_file(std::make_shared<support::MemoryFile>(file), Compression::gzip,
                                  std::make_shared<BlockCache>(32 * mib)),
                 formats::NotReadableAnywhere);
}

TEST(SharedImage, opening_stops_when_it_is_told_to) {
    MemoryDisk disk(mib);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(open_shared(stored("xva", {&disk}), {Format::xva, Compression::none}, stop.get_token()),
                 std::runtime_error);
}

class Cache : public testing::Test {
protected:
    // The byte of a block is its number.
    std::byte read(std::uint64_t block) {
        std::array<std::byte, 10> out{};
        cache.read({file, block}, 100, 90, out, [&](std::span<std::byte> bytes) {
            ++unpacked;
            std::ranges::fill(bytes, static_cast<std::byte>(block));
        });
        return out[9];
    }
    BlockCache cache{250};
    std::uint64_t file = cache.new_file();
    int unpacked = 0;
};

TEST_F(Cache, a_block_is_unpacked_once) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(7), std::byte{7});
    EXPECT_EQ(unpacked, 1);
    EXPECT_EQ(cache.unpacked(), 1U);
}

TEST_F(Cache, a_block_in_use_keeps_its_room_for_its_turn) {
    read(1);
    read(2);
    EXPECT_THROW(read(3), NotYet);
    EXPECT_EQ(read(1), std::byte{1});
    std::this_thread::sleep_for(150ms);
    EXPECT_EQ(read(1), std::byte{1});
    std::this_thread::sleep_for(150ms);  // the second was not asked for any more
    EXPECT_EQ(read(3), std::byte{3});
    EXPECT_EQ(read(1), std::byte{1});
    EXPECT_EQ(unpacked, 3);
    EXPECT_THROW(read(2), NotYet);
}

TEST_F(Cache, a_block_that_cannot_be_unpacked_takes_no_room) {
    std::array<std::byte, 1> out{};
    for (int i = 0; i < 5; ++i)
        EXPECT_THROW(
            cache.read({file, 1}, 200, 0, out, [](std::span<std::byte>) { throw formats::CorruptImage("damaged"); }),
            formats::CorruptImage);
    EXPECT_EQ(read(2), std::byte{2});
    EXPECT_EQ(read(3), std::byte{3});
}

TEST_F(Cache, nobody_waits_for_a_block_that_another_unpacks) {
    std::array<std::byte, 1> out{};
    cache.read({file, 1}, 100, 0, out, [&](std::span<std::byte>) { EXPECT_THROW(read(1), NotYet); });
    EXPECT_EQ(unpacked, 0);
}

TEST_F(Cache, a_file_that_is_closed_leaves_its_room) {
    read(1);
    read(2);
    cache.forget(file);
    EXPECT_EQ(read(3), std::byte{3});
}

}  // namespace
