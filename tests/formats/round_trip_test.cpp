// SPDX-License-Identifier: Apache-2.0
// Every reader × every writer × every test disk: the content and the disk digest stay the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/errors.hpp"
#include "formats/disk/compare_disks.hpp"
#include "formats/disk/disk_digest.hpp"
#include "formats/image/open_image.hpp"
#include "formats/image/plan_output.hpp"
#include "formats/stream/digest.hpp"
#include "tests/support/judges.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::open_image;
using formats::OpenedImage;
using formats::OutputKind;
using support::mib;
using support::SparseFile;
using testing::HasSubstr;

std::shared_ptr<SparseFile> written(const std::string& kind, const std::vector<formats::BlockSource*>& disks) {
    formats::Hardware hardware;
    hardware.name = "test";
    auto file = std::make_shared<SparseFile>();
    const OutputKind output = *formats::output_kind_from(kind);
    const auto packed = formats::make_compressor(output.packing, formats::levels(output.packing).lowest, 2, *file);
    const auto plan = plan_output(output, disks, hardware);
    plan->write(*packed);
    packed->finish();
    if (output.packing == formats::Compression::none) {
        EXPECT_EQ(file->virtual_size(), plan->file_size()) << kind;
    }
    return file;
}

OpenedImage opened(std::shared_ptr<formats::BlockSource> file, const std::string& kind) {
    formats::OpenOptions options;
    options.declared = formats::output_kind_from(kind)->format;
    const bool packed = kind.find('.') != std::string::npos;
    return open_image(std::move(file), packed ? kind : "image", options);
}

class RoundTripMatrix : public testing::TestWithParam<support::TestDisk> {};
INSTANTIATE_TEST_SUITE_P(Disks, RoundTripMatrix, testing::ValuesIn(support::test_disks()),
                         [](const auto& info) { return std::string(info.param.name); });

const std::vector<std::string> kinds{"raw", "qcow2", "vhd", "vhd-fixed", "xva"};

TEST_P(RoundTripMatrix, every_format_into_every_format) {
    auto disk = GetParam().make();
    const std::string digest = formats::disk_digest(disk, 2);
    for (const std::string& from : kinds) {
        OpenedImage first = opened(written(from, {&disk}), from);
        for (const std::string& to : kinds) {
            // A fixed VHD or an XVA of the largest disk is larger than what a dynamic VHD can hold only when padded.
            const OpenedImage second = opened(written(to, {first.disks[0].source.get()}), to);
            EXPECT_EQ(support::difference(disk, *second.disks[0].source), "") << from << " to " << to;
            EXPECT_EQ(formats::disk_digest(*second.disks[0].source, 2), digest) << from << " to " << to;
        }
    }
}

TEST(RoundTripPacked, every_packing_of_every_format) {
    support::MemoryDisk disk(40 * mib);
    disk.fill(0, 100'000, 3);
    disk.fill(33 * mib, mib, 3);
    for (const char* kind :
         {"raw.xz", "raw.gz", "raw.zst", "qcow2.xz", "qcow2.gz", "vhd.zst", "xva.xz", "xva.gz", "xva.zst"}) {
        const OpenedImage image = opened(written(kind, {&disk}), kind);
        EXPECT_EQ(support::difference(disk, *image.disks[0].source), "") << kind;
    }
}

TEST(RoundTripPacked, a_large_vhd_in_xz_is_read_through_the_index) {
    support::MemoryDisk disk(80 * mib);
    disk.fill(0, 512, 1);
    disk.fill(70 * mib, 512, 1);
    for (std::uint64_t i = 0; i < 40; ++i) disk.fill(i * 2 * mib, 512, 1);
    const OpenedImage image = opened(written("vhd.xz", {&disk}), "vhd.xz");
    EXPECT_FALSE(image.spooled);
    EXPECT_EQ(support::difference(disk, *image.disks[0].source), "");
}

TEST(RoundTripXva, three_disks_and_the_hardware_come_back) {
    support::MemoryDisk a(3 * mib), b(5 * mib + 512), c(2 * mib);
    a.fill(0, 4096, 1);
    b.fill(5 * mib, 512, 2);
    const OpenedImage image = opened(written("xva", {&a, &b, &c}), "xva");
    ASSERT_EQ(image.disks.size(), 3U);
    EXPECT_EQ(support::difference(a, *image.disks[0].source), "");
    EXPECT_EQ(support::difference(b, *image.disks[1].source), "");
    EXPECT_EQ(support::difference(c, *image.disks[2].source), "");
    EXPECT_EQ(image.hardware->name, "test");
    EXPECT_THROW(written("qcow2", {&a, &b}), std::invalid_argument);
}

TEST(RoundTripXva, a_damaged_chunk_is_named_when_it_is_read) {
    support::MemoryDisk disk(3 * mib);
    disk.fill(0, 3 * mib, 1);
    support::MemorySink sink;
    formats::plan_output({formats::Format::xva}, {&disk}, {})->write(sink);
    sink.bytes[sink.bytes.size() / 2] ^= std::byte{1};
    const OpenedImage image = opened(std::make_shared<support::MemoryFile>(sink.bytes), "xva");
    std::vector<std::byte> out(mib);
    image.disks[0].source->read_at(0, out);
    try {
        image.disks[0].source->read_at(mib + 5, std::span(out).first(10));
        FAIL();
    } catch (const std::exception& error) {
        EXPECT_THAT(error.what(), HasSubstr("00000001 is damaged"));
    }
}

TEST(RoundTripXva, an_archive_cut_short_in_its_last_checksum_is_refused) {
    support::MemoryDisk disk(mib);
    support::MemorySink sink;
    formats::plan_output({formats::Format::xva}, {&disk}, {})->write(sink);
    sink.bytes.resize(sink.bytes.size() - 1024 - 500);
    EXPECT_THROW(opened(std::make_shared<support::MemoryFile>(sink.bytes), "xva"), formats::CorruptImage);
}

TEST(Images, the_same_input_gives_the_same_bytes_whatever_the_threads) {
    support::MemoryDisk disk(20 * mib);
    disk.fill(mib, 3 * mib, 5);
    for (const char* kind : {"qcow2", "vhd", "xva", "vhd.xz", "qcow2.zst", "raw.gz"}) {
        const auto first = written(kind, {&disk}), second = written(kind, {&disk});
        EXPECT_EQ(support::all_of(static_cast<formats::BlockSource&>(*first)),
                  support::all_of(static_cast<formats::BlockSource&>(*second)))
            << kind;
    }
}

TEST(DiskDigest, known_values) {
    // From the program in docs/formats/disk-digest.md.
    support::MemoryFile zeroes(std::vector<std::byte>(3 * mib));
    support::MemoryFile ones(std::vector<std::byte>(3 * mib, std::byte{1}));
    std::vector<std::byte> third(3 * mib);
    third[2 * mib] = std::byte{1};
    EXPECT_EQ(formats::disk_digest(zeroes), "2cb74edba754a81d121c9db6833704a8e7d417e5b13d1a19f4a52f007d644264");
    EXPECT_EQ(formats::disk_digest(ones), "33417c531c12b02b52c4a1fd9df5f343360237136a81d8d849bccf166c16fee2");
    EXPECT_EQ(formats::disk_digest(*std::make_shared<support::MemoryFile>(third)),
              "412e964ac0ca3c7aef91a5ec75addd89471bea03f1ff4a739abc2dc371bd61b3");
    third.resize(50 * mib);
    EXPECT_EQ(formats::disk_digest(*std::make_shared<support::MemoryFile>(third), 1),
              "412e964ac0ca3c7aef91a5ec75addd89471bea03f1ff4a739abc2dc371bd61b3");
}

TEST(Genuine, the_disks_of_the_genuine_exporter) {
    const char* shared = std::getenv("XENKILN_SHARED");
    const std::filesystem::path folder =
        (shared ? std::filesystem::path(shared) : std::filesystem::path(XENKILN_SOURCE_DIR) / "../shared") /
        "formats/samples";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
    for (const char* name : {"genuine-gzip.xva", "genuine-zstd.xva"}) {
        const OpenedImage image = open_image(folder / name);
        ASSERT_EQ(image.disks.size(), 2U) << name;
        const char* digests[] = {"fc133f1b3c5d397d8e0e75d42e04c713a5ed79d06485fb78fa5aaa449296dd6f",
                                 "72c20fcc78a906c5cde4beb7f4bb8b4e716fc479b6ea5759db867562f1c1dce6"};
        for (std::size_t i = 0; i < 2; ++i)
            EXPECT_EQ(formats::digest_hex(formats::DigestKind::sha256, support::all_of(*image.disks[i].source)),
                      digests[i]);
    }
}

TEST(VmdkOfQemu, both_kinds_are_read) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    support::MemoryDisk disk(20 * mib + 512 * 3);
    disk.fill(0, mib, 3);
    disk.fill(19 * mib, mib, 3);
    support::save(folder / "a.raw", support::all_of(disk));
    for (const char* kind : {"monolithicSparse", "streamOptimized"}) {
        const std::string file = (folder / (std::string(kind) + ".vmdk")).string();
        const auto made = support::run("qemu-img convert -f raw -O vmdk -o subformat=" + std::string(kind) + " " +
                                       (folder / "a.raw").string() + " " + file);
        ASSERT_EQ(made.exit_code, 0) << made.output;
        EXPECT_EQ(support::difference(disk, *open_image(std::filesystem::path(file)).disks[0].source), "") << kind;
    }
}

TEST(Ova, disks_and_hardware_are_read) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    support::MemoryDisk disk(8 * mib);
    disk.fill(3 * mib, mib, 3);
    support::save(folder / "a.raw", support::all_of(disk));
    const std::string ovf =
        "<Envelope xmlns:ovf=\"o\" xmlns:rasd=\"r\" xmlns:vmw=\"v\"><References><File ovf:href=\"disk.vmdk\" "
        "ovf:id=\"f\"/>"
        "</References><DiskSection><Disk ovf:diskId=\"d\" ovf:fileRef=\"f\"/><Disk ovf:diskId=\"e\"/></DiskSection>"
        "<VirtualSystem ovf:id=\"web\"><Name>web server</Name><VirtualHardwareSection>"
        "<Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>4</rasd:VirtualQuantity></Item>"
        "<Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType>"
        "<rasd:VirtualQuantity>3072</rasd:VirtualQuantity></Item>"
        "<Item><rasd:ResourceType>10</rasd:ResourceType></Item>"
        "<vmw:Config vmw:key=\"firmware\" vmw:value=\"efi\"/></VirtualHardwareSection></VirtualSystem></Envelope>";
    support::save(folder / "a.ovf", support::bytes_of(ovf));
    const std::string in = folder.path().string();
    const auto made = support::run("cd " + in +
                                   " && qemu-img convert -O vmdk -o subformat=streamOptimized -f raw a.raw disk.vmdk"
                                   " && tar --format=ustar -cf a.ova a.ovf disk.vmdk");
    ASSERT_EQ(made.exit_code, 0) << made.output;
    const OpenedImage image = open_image(folder / "a.ova");
    ASSERT_EQ(image.disks.size(), 1U);
    EXPECT_EQ(image.disks[0].name, "disk.vmdk");
    EXPECT_EQ(support::difference(disk, *image.disks[0].source), "");
    EXPECT_EQ(image.hardware->name, "web server");
    EXPECT_EQ(image.hardware->vcpus, 4U);
    EXPECT_EQ(image.hardware->memory_bytes, std::uint64_t{3} << 30);
    EXPECT_EQ(image.hardware->network_interfaces, 1U);
    EXPECT_EQ(image.hardware->firmware, formats::Firmware::uefi);
    EXPECT_THAT(image.facts.warnings, testing::Contains(HasSubstr("left out")));
}

}  // namespace
