// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdlib>

#include <filesystem>
#include <fstream>

#include "formats/base/errors.hpp"
#include "formats/base/file.hpp"
#include "formats/raw/raw.hpp"
#include "formats/stream/compress.hpp"
#include "formats/stream/digest.hpp"
#include "formats/stream/file_source.hpp"
#include "formats/stream/sinks.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/xva_reader.hpp"
#include "tests/support/memory.hpp"

namespace {

using formats::xva::Checksum;
using formats::xva::XvaLayout;
using support::all_of;
using support::MemoryDisk;
using testing::HasSubstr;

constexpr std::uint64_t mib = 1 << 20;

formats::Hardware machine() {
    formats::Hardware hardware;
    hardware.name = "debian & <friends>";
    return hardware;
}

std::vector<std::byte> archive(const std::vector<formats::BlockSource*>& disks,
                               const formats::Hardware& hardware = machine(), Checksum checksum = Checksum::sha1) {
    formats::xva::XvaOptions options;
    options.checksum = checksum;
    const XvaLayout layout(disks, hardware, options);
    support::MemorySink sink;
    write_xva(layout, sink);
    EXPECT_EQ(sink.bytes.size(), layout.file_size());
    return sink.bytes;
}

std::string refusal(std::vector<std::byte> bytes) {
    support::MemorySource source(std::move(bytes), 10'000);
    try {
        formats::xva::read_xva(source);
    } catch (const std::exception& error) {
        return error.what();
    }
    return "accepted";
}

struct Case {
    const char* name;
    std::uint64_t size;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> data;  // offset, length
};
void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}
class RoundTrip : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Disks, RoundTrip,
                         testing::Values(Case{"holes", 8 * mib, {}}, Case{"full", 3 * mib, {{0, 3 * mib}}},
                                         Case{"one_sector", 5 * mib, {{2 * mib + 512, 512}}},
                                         Case{"odd_size", 3 * mib + 1536, {{mib, 100}, {3 * mib, 1536}}},
                                         Case{"tiny", 512, {{0, 512}}},
                                         Case{"gaps", 64 * mib, {{9 * mib, 1}, {40 * mib - 1, 2}}}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(RoundTrip, the_disk_comes_back_padded_to_a_mebibyte) {
    MemoryDisk disk(GetParam().size);
    for (const auto& [offset, length] : GetParam().data) disk.fill(offset, length, 5);
    for (const Checksum checksum : {Checksum::sha1, Checksum::xxhash}) {
        std::vector<std::byte> read((GetParam().size + mib - 1) / mib * mib);
        support::MemorySource source(archive({&disk}, machine(), checksum), 77'777);
        const auto report = formats::xva::read_xva(
            source, [&](std::size_t number, std::uint64_t offset, std::span<const std::byte> data) {
                EXPECT_EQ(number, 0U);
                std::copy(data.begin(), data.end(), read.begin() + static_cast<std::ptrdiff_t>(offset));
            });
        auto expected = all_of(disk);
        expected.resize(read.size());
        EXPECT_EQ(read, expected);
        ASSERT_EQ(report.disks.size(), 1U);
        EXPECT_EQ(report.disks[0].virtual_size, read.size());
        EXPECT_EQ(report.hardware.name, "debian & <friends>");
    }
}

TEST(Xva, only_chunks_with_data_and_the_ends_are_written) {
    MemoryDisk disk(1024 * mib);
    disk.fill(500 * mib, 10, 1);
    const XvaLayout layout({&disk}, machine());
    EXPECT_EQ(layout.disks()[0].chunks, (std::vector<std::uint32_t>{0, 500, 1023}));
}

TEST(Xva, allocated_zero_chunks_are_left_out_when_asked) {
    MemoryDisk zeroes(8 * mib, mib);
    zeroes.fill(0, 1, 1);
    zeroes.fill(7 * mib, 1, 1);
    formats::xva::XvaOptions options;
    options.detect_zeroes = true;
    EXPECT_EQ(XvaLayout({&zeroes}, machine(), options).disks()[0].chunks, (std::vector<std::uint32_t>{0, 7}));
}

TEST(Xva, several_disks_keep_their_order_and_sizes) {
    MemoryDisk first(4 * mib), second(2 * mib), third(3 * mib);
    first.fill(0, 4096, 1);
    second.fill(mib, 4096, 2);
    third.fill(2 * mib, 4096, 3);
    support::MemorySource source(archive({&first, &second, &third}));
    const auto report = formats::xva::read_xva(source);
    ASSERT_EQ(report.disks.size(), 3U);
    EXPECT_EQ(report.disks[0].virtual_size, 4 * mib);
    EXPECT_EQ(report.disks[1].virtual_size, 2 * mib);
    EXPECT_EQ(report.disks[2].virtual_size, 3 * mib);
}

TEST(Xva, the_same_input_gives_the_same_bytes) {
    MemoryDisk disk(4 * mib);
    disk.fill(mib, 1000, 3);
    EXPECT_EQ(archive({&disk}), archive({&disk}));
}

TEST(Xva, hardware_comes_back) {
    MemoryDisk disk(mib);
    formats::Hardware hardware = machine();
    hardware.vcpus = 7;
    hardware.memory_bytes = 3 * 1024 * mib;
    hardware.firmware = formats::Firmware::uefi;
    hardware.secure_boot = true;
    hardware.is_template = true;
    hardware.network_interfaces = 2;
    support::MemorySource source(archive({&disk}, hardware));
    const formats::Hardware read = formats::xva::read_xva(source).hardware;
    EXPECT_EQ(read.vcpus, 7U);
    EXPECT_EQ(read.memory_bytes, 3 * 1024 * mib);
    EXPECT_EQ(read.firmware, formats::Firmware::uefi);
    EXPECT_TRUE(read.secure_boot);
    EXPECT_TRUE(read.is_template);
    EXPECT_EQ(read.network_interfaces, 2U);
}

TEST(Xva, text_that_xml_cannot_carry_is_refused) {
    MemoryDisk disk(mib);
    formats::Hardware hardware = machine();
    hardware.name = "bell\a";
    EXPECT_THROW(XvaLayout({&disk}, hardware), std::invalid_argument);
}

TEST(Xva, a_damaged_block_is_named) {
    MemoryDisk disk(3 * mib);
    disk.fill(0, 3 * mib, 9);
    auto bytes = archive({&disk});
    bytes[bytes.size() - mib / 2] ^= std::byte{1};
    EXPECT_THAT(refusal(bytes), HasSubstr("block Ref:1000/00000002 is damaged"));
}

TEST(Xva, what_an_importer_would_choke_on_is_refused) {
    MemoryDisk disk(2 * mib);
    disk.fill(0, 2 * mib, 9);
    const auto good = archive({&disk});
    EXPECT_EQ(refusal(good), "accepted");
    auto cut = good;
    cut.resize(cut.size() - mib);
    EXPECT_THAT(refusal(cut), HasSubstr("cut short"));
    auto renamed = good;
    renamed[0] = std::byte{'O'};
    EXPECT_THAT(refusal(renamed), HasSubstr("header checksum"));
    EXPECT_THAT(refusal({}), HasSubstr("cut short"));
    auto garbage = good;
    garbage.push_back(std::byte{'x'});
    EXPECT_THAT(refusal(garbage), HasSubstr("garbage"));
}

TEST(Xva, ova_xml_with_entities_or_a_doctype_is_refused) {
    for (const char* xml :
         {"<!DOCTYPE v [<!ENTITY e \"x\">]><value>&e;</value>", "<!DOCTYPE v SYSTEM \"file:///etc/passwd\"><value/>"}) {
        support::MemorySink sink;
        formats::tar::write_member(sink, "ova.xml", support::bytes_of(xml));
        EXPECT_THAT(refusal(sink.bytes), HasSubstr("document type")) << xml;
    }
}

TEST(Xva, members_that_are_not_plain_files_are_refused) {
    support::MemorySink sink;
    auto header = formats::tar::header("ova.xml", 0);
    header[156] = std::byte{'2'};
    unsigned sum = 0;
    for (std::size_t i = 0; i < header.size(); ++i)
        sum += i >= 148 && i < 156 ? ' ' : std::to_integer<unsigned>(header[i]);
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%06o", sum);
    std::memcpy(header.data() + 148, text.data(), 7);
    sink.write(header);
    EXPECT_THAT(refusal(sink.bytes), HasSubstr("only plain files"));
}

TEST(Xva, a_full_disk_is_passed_up_wherever_it_strikes) {
    MemoryDisk disk(3 * mib);
    disk.fill(0, 3 * mib, 9);
    const XvaLayout layout({&disk}, machine());
    for (const std::uint64_t allowed : {std::uint64_t{0}, std::uint64_t{600}, mib, layout.file_size() - 1}) {
        support::FailingSink sink(allowed);
        EXPECT_THROW(write_xva(layout, sink), std::runtime_error) << allowed;
    }
}

class Judged : public testing::Test {
protected:
    void SetUp() override {
        const char* given = std::getenv("XENKILN_SHARED");
        shared_ = given ? given : std::string(XENKILN_SOURCE_DIR) + "/../shared";
        if (!std::filesystem::exists(shared_ / "formats/xva_check.py"))
            GTEST_SKIP() << "the reference material is not at " << shared_ << " (XENKILN_SHARED names another place)";
        folder_ = std::filesystem::temp_directory_path() / ("xva_test." + std::to_string(getpid()));
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override {
        if (!folder_.empty()) std::filesystem::remove_all(folder_);
    }
    int judge(const std::filesystem::path& file, const std::string& fields, const std::string& more = "") {
        return std::system(("API_FIELDS=" + fields + " python3 " + (shared_ / "formats/xva_check.py").string() + " " +
                            more + " --out " + folder_.string() + " " + file.string() + " > " +
                            (folder_ / "verdict").string() + " 2>&1")
                               .c_str());
    }
    std::string verdict() {
        std::ifstream in(folder_ / "verdict");
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::filesystem::path shared_, folder_;
};

TEST_F(Judged, both_generations_of_xapi_accept_without_a_warning) {
    MemoryDisk first(5 * mib), second(mib + 512);
    first.fill(3 * mib, 5000, 1);
    second.fill(0, 512, 2);
    for (const formats::Firmware firmware : {formats::Firmware::bios, formats::Firmware::uefi})
        for (const Checksum checksum : {Checksum::sha1, Checksum::xxhash}) {
            formats::Hardware hardware = machine();
            hardware.firmware = firmware;
            const auto file = folder_ / "image.xva";
            const auto bytes = archive({&first, &second}, hardware, checksum);
            std::ofstream(file, std::ios::binary)
                .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
            for (const char* fields : {"api-fields.json", "api-fields-8.2.json"})
                EXPECT_EQ(judge(file, fields, "--strict"), 0) << fields << "\n" << verdict();
            EXPECT_EQ(all_of(*formats::raw::open_raw(folder_ / "disk1.raw")), all_of(first));
        }
}

TEST_F(Judged, genuine_exports_are_read_with_the_right_digests) {
    for (const char* name : {"genuine-gzip.xva", "genuine-zstd.xva"}) {
        formats::FileSource file(formats::File::open_read(shared_ / "formats/samples" / name));
        const auto kind = std::string(name).find("gzip") != std::string::npos ? formats::Compression::gzip
                                                                              : formats::Compression::zstd;
        const auto plain = formats::make_decompressor(kind, file);
        const auto report = formats::xva::extract_xva(*plain, folder_);
        ASSERT_EQ(report.disks.size(), 2U) << name;
        EXPECT_EQ(report.disks[0].virtual_size, 7 * mib);
        EXPECT_EQ(report.disks[1].virtual_size, 5 * mib + 1536);
        const char* digests[] = {"fc133f1b3c5d397d8e0e75d42e04c713a5ed79d06485fb78fa5aaa449296dd6f",
                                 "72c20fcc78a906c5cde4beb7f4bb8b4e716fc479b6ea5759db867562f1c1dce6"};
        for (int disk : {0, 1}) {
            const auto raw = formats::raw::open_raw(folder_ / ("disk" + std::to_string(disk + 1) + ".raw"));
            EXPECT_EQ(formats::digest_hex(formats::DigestKind::sha256, all_of(*raw)), digests[disk]) << name;
        }
    }
}

}  // namespace
