// SPDX-License-Identifier: Apache-2.0
#include "formats/ova/ova.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/errors.hpp"
#include "formats/disk/disk_stream.hpp"
#include "formats/stream/tar.hpp"
#include "tests/support/test_disks.hpp"
#include "tests/support/vmdk_images.hpp"

namespace {

using formats::DigestKind;
using formats::ova::read_manifest;
using testing::HasSubstr;
namespace tar = formats::tar;

// -- sizes over 8 GiB -----------------------------------------------------------------------------
struct RawHeader {
    std::array<std::byte, tar::block> bytes;
    RawHeader& at(std::size_t offset, std::string_view text) {
        std::ranges::copy(std::as_bytes(std::span(text)), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
        return seal();
    }
    RawHeader& seal() {
        std::fill_n(bytes.begin() + 148, 8, std::byte{' '});
        unsigned sum = 0;
        for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
        std::array<char, 8> text{};
        std::snprintf(text.data(), text.size(), "%06o", sum);
        std::ranges::copy(std::as_bytes(std::span(text)).first(7), bytes.begin() + 148);
        return *this;
    }
};
RawHeader header(const std::string& name, std::uint64_t size) {
    return {tar::header(name, size)};
}
std::string base256(std::uint64_t size) {
    std::string field(12, '\0');
    field[0] = '\x80';
    for (std::size_t i = 0; i < 8; ++i) field[11 - i] = static_cast<char>(size >> (8 * i));
    return field;
}

// A sparse archive of one large member and a small one behind it.
struct LargeArchive {
    static constexpr std::uint64_t size = (std::uint64_t{9} << 30) + 77;
    support::SparseFile file;
    void finish() {
        file.write_zeroes(tar::member_size(size) - tar::block);
        tar::write_member(file, "last", support::bytes_of("end"));
        tar::write_end(file);
    }
    std::string names(tar::Sizes sizes) {
        formats::DiskStream stream(file);
        tar::Reader reader(stream, sizes);
        std::string all;
        while (const auto member = reader.next()) all += member->name + " " + std::to_string(member->size) + ";";
        return all;
    }
};

TEST(TarLargeSizes, base_256_and_pax) {
    LargeArchive gnu, pax;
    gnu.file.write(header("disk.vmdk", 0).at(124, base256(LargeArchive::size)).bytes);
    gnu.finish();
    EXPECT_EQ(gnu.names(tar::Sizes::large), "disk.vmdk 9663676493;last 3;");
    EXPECT_THROW(gnu.names(tar::Sizes::octal), formats::CorruptImage);

    const std::string records = "19 size=9663676493\n20 mtime=1700000000\n";
    pax.file.write(header("PaxHeaders/disk.vmdk", records.size()).at(156, "x").bytes);
    pax.file.write(support::bytes_of(records));
    pax.file.write_zeroes(tar::block - records.size());
    pax.file.write(header("disk.vmdk", 0).bytes);
    pax.finish();
    EXPECT_EQ(pax.names(tar::Sizes::large), "disk.vmdk 9663676493;last 3;");
    EXPECT_THROW(pax.names(tar::Sizes::octal), formats::RefusedImage);
}

TEST(TarLargeSizes, what_a_pax_record_may_not_do) {
    const auto reading = [](const std::string& records, std::uint64_t stated) {
        support::SparseFile file;
        file.write(header("pax", stated).at(156, "x").bytes);
        file.write(support::bytes_of(records));
        file.write_zeroes((tar::block - records.size() % tar::block) % tar::block);
        tar::write_member(file, "a", support::bytes_of("b"));
        tar::write_end(file);
        formats::DiskStream stream(file);
        tar::Reader reader(stream, tar::Sizes::large);
        try {
            return std::to_string(reader.next()->size);
        } catch (const std::runtime_error& error) {
            return std::string(error.what());
        }
    };
    for (const auto& [records, says] :
         {std::pair<const char*, const char*>{"19 path=/etc/shado\n", "\"path\" is not taken"},
          {"16 linkpath=abc\n", "\"linkpath\""},
          {"22 GNU.sparse.size=999\n", "LENGTH KEY=VALUE"},
          {"99 size=5\n", "LENGTH KEY=VALUE"},
          {"3 \n", "LENGTH KEY=VALUE"},
          {"0 size=5\n", "LENGTH KEY=VALUE"},
          {"10 size=x\n", "pax size \"x\""},
          {"29 size=18446744073709551615\n", "under 2^63"},
          {"10 size=1\n", "1"}})
        EXPECT_THAT(reading(records, std::string_view(records).size()), HasSubstr(says)) << records;
    EXPECT_THAT(reading("10 size=1\n", 70'000), HasSubstr("pax records of 70000 bytes"));
    support::SparseFile file;
    file.write(header("a", 0).at(124, std::string("\xff") + std::string(11, '\xff')).bytes);
    formats::DiskStream stream(file);
    EXPECT_THROW(tar::Reader(stream, tar::Sizes::large).next(), formats::CorruptImage);
}

// -- the manifest ---------------------------------------------------------------------------------
const char* const ovf = R"(<Envelope><References><File id="f" href="d.vmdk"/></References>
<DiskSection><Disk diskId="d" fileRef="f"/></DiskSection><VirtualSystem id="v"/></Envelope>)";

// Opens an archive of ovf, manifest (where there is one) and disk; what was said, or found.
std::string opening(const std::string& manifest, bool verify = true) {
    auto file = std::make_shared<support::SparseFile>();
    tar::write_member(*file, "a.ovf", support::bytes_of(ovf));
    if (!manifest.empty()) tar::write_member(*file, "a.mf", support::bytes_of(manifest));
    tar::write_member(*file, "d.vmdk", support::vmdk_image({}));
    tar::write_end(*file);
    try {
        formats::Facts facts;
        formats::ova::open_ova(file, &facts, verify);
        std::string all;
        for (const auto& [name, value] : facts.features) all += name + " " + value + ";";
        for (const std::string& warning : facts.warnings) all += warning + ";";
        return all;
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

TEST(OvaManifest, digests_are_verified) {
    const auto line = [](const char* name, DigestKind kind, const std::string& file, const auto& bytes) {
        return std::string(name) + "(" + file + ")= " + formats::digest_hex(kind, bytes) + "\r\n";
    };
    const std::vector<std::byte> vmdk = support::vmdk_image({});
    const std::string first = line("SHA256", DigestKind::sha256, "a.ovf", support::bytes_of(ovf));
    const std::string second = line("SHA1", DigestKind::sha1, "d.vmdk", vmdk);
    EXPECT_THAT(opening(first + second), HasSubstr("manifest 2 digests verified"));
    EXPECT_THAT(opening(first + line("SHA512", DigestKind::sha512, "d.vmdk", vmdk)), HasSubstr("2 digests verified"));
    EXPECT_THAT(opening(""), HasSubstr("no manifest"));
    EXPECT_THAT(opening(first + second, false), HasSubstr("were not verified"));
    std::string wrong = second;
    wrong[wrong.size() - 3] = wrong[wrong.size() - 3] == '0' ? '1' : '0';
    EXPECT_THAT(opening(first + wrong), HasSubstr("\"d.vmdk\" is damaged"));
    EXPECT_THAT(opening(second), HasSubstr("does not name \"a.ovf\""));
    EXPECT_THAT(opening(first), HasSubstr("does not name \"d.vmdk\""));
    EXPECT_THAT(opening(first + second + line("SHA1", DigestKind::sha1, "x", vmdk)),
                HasSubstr("\"x\", which is not in"));
}

TEST(OvaManifest, lines_that_are_none_are_refused_with_their_number) {
    const std::string digest(40, 'a');
    EXPECT_EQ(read_manifest("SHA1 (a b.vmdk) = " + std::string(40, 'A') + "\n\n").front().digest, digest);
    for (const auto& [text, says] : {std::pair<std::string, const char*>{"\nfoo\n", "line 2"},
                                     {"MD5(a)= " + digest, "algorithm \"MD5\""},
                                     {"SHA1(a)= abc", "40 hex digits"},
                                     {"SHA1(a) " + digest, "ALGORITHM(file)= digest"},
                                     {"SHA1)a(= " + digest, "ALGORITHM(file)= digest"},
                                     {"SHA1(a)= " + digest + "\nSHA1(a)= " + digest, "twice"}})
        try {
            read_manifest(text);
            FAIL() << text;
        } catch (const std::runtime_error& error) {
            EXPECT_THAT(error.what(), HasSubstr(says));
        }
}

}  // namespace
