// SPDX-License-Identifier: Apache-2.0
// Images made to harm: each is refused with a message that names the field. One per published
// vulnerability, and one per rule of the readers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "formats/base/errors.hpp"
#include "formats/image/open_image.hpp"
#include "formats/ova/ova.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/qcow2/qcow2_header.hpp"
#include "formats/vhd/vhd.hpp"
#include "formats/vhd/vhd_structs.hpp"
#include "tests/support/test_disks.hpp"
#include "tests/support/vmdk_images.hpp"

namespace {

using support::mib;
using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

std::string refusal(const Bytes& bytes, const std::string& name = "upload", const formats::OpenOptions& options = {}) {
    try {
        formats::open_image(std::make_shared<support::MemoryFile>(bytes), name, options);
    } catch (const formats::CorruptImage& error) {
        return error.what();
    } catch (const formats::RefusedImage& error) {
        return error.what();
    }
    return "accepted";
}

template <class Structure>
void change(Bytes& bytes, std::size_t offset, const std::function<void(Structure&)>& edit) {
    Structure structure;
    std::memcpy(&structure, bytes.data() + offset, sizeof structure);
    edit(structure);
    std::memcpy(bytes.data() + offset, &structure, sizeof structure);
}

void put(Bytes& bytes, std::size_t offset, const std::string& text) {
    std::memcpy(bytes.data() + offset, text.data(), text.size());
}

// qcow2 ------------------------------------------------------------------------------------------------

constexpr std::uint64_t cluster = 65536;
const formats::qcow2::Qcow2Layout& good_layout() {
    static support::MemoryDisk disk(8 * mib);
    static const bool filled = (disk.fill(0, 3 * cluster, 4), true);
    static const formats::qcow2::Qcow2Layout layout((static_cast<void>(filled), disk));
    return layout;
}
Bytes good_qcow2() {
    support::MemorySink sink;
    qcow2_output(good_layout())->write(sink);
    return sink.bytes;
}

struct Qcow2Case {
    const char* name;
    std::function<void(formats::qcow2::Header&)> edit;
    const char* says;
};
void PrintTo(const Qcow2Case& c, std::ostream* out) {
    *out << c.name;
}
class Qcow2Header : public testing::TestWithParam<Qcow2Case> {};
TEST_P(Qcow2Header, is_refused_naming_the_field) {
    Bytes bytes = good_qcow2();
    ASSERT_EQ(refusal(bytes), "accepted");
    change<formats::qcow2::Header>(bytes, 0, GetParam().edit);
    EXPECT_THAT(refusal(bytes), HasSubstr(GetParam().says));
}
INSTANTIATE_TEST_SUITE_P(
    Hostile, Qcow2Header,
    testing::Values(
        Qcow2Case{"backing_file",
                  [](auto& h) {
                      h.backing_file_offset = 512;
                      h.backing_file_size = 11;
                  },
                  "backing_file_offset is 512"},
        Qcow2Case{"external_data_file_CVE_2024_32498", [](auto& h) { h.incompatible_features = 4; },
                  "incompatible_features bit 2"},
        Qcow2Case{"corrupt_bit", [](auto& h) { h.incompatible_features = 2; }, "incompatible_features bit 1"},
        Qcow2Case{"unknown_bit", [](auto& h) { h.incompatible_features = std::uint64_t{1} << 40; }, "unknown bits"},
        Qcow2Case{"encrypted", [](auto& h) { h.crypt_method = 2; }, "crypt_method is 2"},
        Qcow2Case{"cluster_bits_too_small", [](auto& h) { h.cluster_bits = 8; }, "cluster_bits is 8"},
        Qcow2Case{"cluster_bits_too_large_CVE_2014_0142", [](auto& h) { h.cluster_bits = 63; }, "cluster_bits is 63"},
        Qcow2Case{"size_zero", [](auto& h) { h.size = 0; }, "size is 0"},
        Qcow2Case{"size_huge_CVE_2014_0145", [](auto& h) { h.size = UINT64_MAX - 511; }, "l1_size is"},
        Qcow2Case{"l1_too_small",
                  [](auto& h) {
                      h.size = std::uint64_t{600} << 20;
                      h.l1_size = 1;
                  },
                  "l1_size is 1"},
        Qcow2Case{"l1_huge_CVE_2014_0144", [](auto& h) { h.l1_size = 0xffffffff; }, "l1_size is 4294967295"},
        Qcow2Case{"l1_outside", [](auto& h) { h.l1_table_offset = std::uint64_t{1} << 40; }, "l1_table_offset"},
        Qcow2Case{"l1_unaligned", [](auto& h) { h.l1_table_offset = 3 * cluster + 8; }, "l1_table_offset"},
        Qcow2Case{"l1_in_the_header", [](auto& h) { h.l1_table_offset = 0; }, "l1_table_offset"},
        Qcow2Case{"l1_on_the_refcount_table", [](auto& h) { h.l1_table_offset = cluster; }, "in use already"},
        Qcow2Case{"refcount_table_huge_CVE_2014_0147", [](auto& h) { h.refcount_table_clusters = 0x10000000; },
                  "refcount_table_clusters"},
        Qcow2Case{"refcount_table_none", [](auto& h) { h.refcount_table_clusters = 0; },
                  "refcount_table_clusters is 0"},
        Qcow2Case{"refcount_table_outside", [](auto& h) { h.refcount_table_offset = std::uint64_t{1} << 50; },
                  "refcount_table_offset"},
        Qcow2Case{"refcount_order", [](auto& h) { h.refcount_order = 7; }, "refcount_order is 7"},
        Qcow2Case{"snapshots_too_many_CVE_2014_0146", [](auto& h) { h.nb_snapshots = 65537; }, "nb_snapshots is 65537"},
        Qcow2Case{"snapshots_outside",
                  [](auto& h) {
                      h.nb_snapshots = 1;
                      h.snapshots_offset = std::uint64_t{1} << 40;
                  },
                  "snapshots_offset"},
        Qcow2Case{"header_length", [](auto& h) { h.header_length = 100; }, "header_length is 100"},
        Qcow2Case{"header_length_over_the_cluster", [](auto& h) { h.header_length = 0x7ffffff8; }, "header_length is"},
        Qcow2Case{"compression_type",
                  [](auto& h) {
                      h.header_length = 112;
                      h.compression_type = 9;
                  },
                  "compression_type is 9"},
        Qcow2Case{"compression_bit_alone", [](auto& h) { h.incompatible_features = 8; },
                  "compression_type 0 contradicts"},
        Qcow2Case{"extended_l2_small",
                  [](auto& h) {
                      h.incompatible_features = 16;
                      h.cluster_bits = 12;
                  },
                  ""},
        Qcow2Case{"version_4", [](auto& h) { h.version = 4; }, "no known format matches"}),
    [](const auto& info) { return std::string(info.param.name); });

void put_be64(Bytes& bytes, std::size_t offset, std::uint64_t value) {
    change<formats::be64>(bytes, offset, [&](formats::be64& there) { there = value; });
}

TEST(Qcow2Extensions, data_file_name_and_json_are_refused_CVE_2024_4467) {
    for (const auto& [type, says] : {std::pair<std::uint32_t, const char*>{0x44415441, "0x44415441"},
                                     {0xE2792ACA, "0xE2792ACA"},
                                     {0x0537be77, "0x0537be77"}}) {
        Bytes bytes = good_qcow2();
        const formats::be32 number = type, length = 24;
        std::memcpy(bytes.data() + 104, &number, 4);
        std::memcpy(bytes.data() + 108, &length, 4);
        put(bytes, 112, "json:{\"driver\":\"file\"}");
        EXPECT_THAT(refusal(bytes), HasSubstr(says));
    }
    Bytes bytes = good_qcow2();
    const formats::be32 number = 0x6803f857, length = 0xfffffff0;
    std::memcpy(bytes.data() + 104, &number, 4);
    std::memcpy(bytes.data() + 108, &length, 4);
    EXPECT_THAT(refusal(bytes), HasSubstr("leaves the header's cluster"));
}

TEST(Qcow2Tables, loops_overlaps_and_places_outside_are_refused) {
    const std::uint64_t l1 = good_layout().first_l1() * cluster, l2 = good_layout().first_l2() * cluster;
    const std::uint64_t data = good_layout().first_data() * cluster, copied = std::uint64_t{1} << 63;
    const std::tuple<std::uint64_t, std::uint64_t, const char*> cases[] = {
        {l1, l1 | copied, "L1 entry 0 points to cluster"},                   // L1 as its own L2
        {l1, (l2 + 512) | copied, "not a cluster boundary"},                 //
        {l1, std::uint64_t{1} << 45 | copied, "L1 entry 0"},                 // outside
        {l1, l2 | copied | 1, "L1 entry 0 has reserved bits"},               //
        {l2, l2 | copied, "L2 entry 0 of L1 entry 0 points to cluster"},     // L2 as data
        {l2, (data + cluster) | copied, "L2 entry 1 of L1 entry 0 points"},  // one cluster twice
        {l2, copied, "accepted"},                                            // nothing there
        {l2, (data + 512) | copied, "a cluster boundary inside the file"},
        {l2, std::uint64_t{1} << 50 | copied, "a cluster boundary inside the file"},
        {l2, data | copied | 2, "reserved bits"},
        {l2, std::uint64_t{1} << 62 | std::uint64_t{1} << 50, "packed byte"},
        {l2, std::uint64_t{1} << 62, "packed byte 0"},
    };
    for (const auto& [place, value, says] : cases) {
        Bytes bytes = good_qcow2();
        put_be64(bytes, place, value);
        EXPECT_THAT(refusal(bytes), HasSubstr(says)) << place << " " << value;
    }
}

TEST(Qcow2Tables, a_compressed_cluster_that_is_no_stream_is_told_when_it_is_read) {
    Bytes bytes = good_qcow2();
    put_be64(bytes, good_layout().first_l2() * cluster,
             std::uint64_t{1} << 62 | std::uint64_t{127} << 54 | good_layout().first_data() * cluster);
    const auto disk = formats::qcow2::open_qcow2(std::make_shared<support::MemoryFile>(bytes));
    Bytes out(512);
    EXPECT_THROW(disk->read_at(0, out), formats::CorruptImage);
}

TEST(Qcow2Truncated, at_every_length_it_is_refused_or_read_within_the_file) {
    const Bytes good = good_qcow2();
    for (std::size_t length = 1; length < good.size(); length += length < 200 ? 1 : 9'973) {
        const std::string says = refusal(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
        EXPECT_NE(says, "");
        if (length < good.size() - cluster) {
            EXPECT_NE(says, "accepted") << length;
        }
    }
}

// VHD --------------------------------------------------------------------------------------------------

Bytes good_vhd(formats::vhd::Kind kind = formats::vhd::Kind::dynamic) {
    support::MemoryDisk disk(8 * mib);
    disk.fill(0, 512, 4);
    disk.fill(5 * mib, 512, 4);
    formats::vhd::VhdOptions options;
    options.kind = kind;
    support::MemorySink sink;
    vhd_output(formats::vhd::VhdLayout(disk, options))->write(sink);
    return sink.bytes;
}

struct VhdCase {
    const char* name;
    std::function<void(formats::vhd::Footer&, formats::vhd::DynamicHeader&)> edit;
    const char* says;
};
void PrintTo(const VhdCase& c, std::ostream* out) {
    *out << c.name;
}
class VhdHeader : public testing::TestWithParam<VhdCase> {};
TEST_P(VhdHeader, is_refused_naming_the_field) {
    Bytes bytes = good_vhd();
    ASSERT_EQ(refusal(bytes), "accepted");
    formats::vhd::Footer footer;
    formats::vhd::DynamicHeader header;
    std::memcpy(&footer, bytes.data(), sizeof footer);
    std::memcpy(&header, bytes.data() + 512, sizeof header);
    GetParam().edit(footer, header);
    footer.checksum = own_checksum(footer);
    header.checksum = own_checksum(header);
    std::memcpy(bytes.data(), &footer, sizeof footer);
    std::memcpy(bytes.data() + bytes.size() - 512, &footer, sizeof footer);
    std::memcpy(bytes.data() + 512, &header, sizeof header);
    EXPECT_THAT(refusal(bytes), HasSubstr(GetParam().says));
}
INSTANTIATE_TEST_SUITE_P(
    Hostile, VhdHeader,
    testing::Values(
        VhdCase{"differencing", [](auto& f, auto&) { f.disk_type = 4; }, "disk_type is 4"},
        VhdCase{"type_unknown", [](auto& f, auto&) { f.disk_type = 7; }, "disk_type is 7"},
        VhdCase{"version", [](auto& f, auto&) { f.file_format_version = 0x20000; }, "file_format_version"},
        VhdCase{"size_zero", [](auto& f, auto&) { f.current_size = 0; }, "current_size is 0"},
        VhdCase{"size_odd", [](auto& f, auto&) { f.current_size = 513; }, "current_size is 513"},
        VhdCase{"size_huge", [](auto& f, auto&) { f.current_size = std::uint64_t{1} << 62; }, "max_table_entries is"},
        VhdCase{"header_outside", [](auto& f, auto&) { f.data_offset = std::uint64_t{1} << 40; }, "data_offset"},
        VhdCase{"header_on_the_footer", [](auto& f, auto&) { f.data_offset = 0; }, "data_offset is 0"},
        VhdCase{"cookie", [](auto&, auto& h) { h.cookie[0] = 'x'; }, "cxsparse"},
        VhdCase{"parent_uuid", [](auto&, auto& h) { h.parent_unique_id[3] = 1; }, "parent_unique_id"},
        VhdCase{"parent_locator", [](auto&, auto& h) { h.parent_locators[2].platform_code = 0x57326b75; },
                "parent_locators[2]"},
        VhdCase{"block_size_zero", [](auto&, auto& h) { h.block_size = 0; }, "block_size is 0"},
        VhdCase{"block_size_odd", [](auto&, auto& h) { h.block_size = 3 << 20; }, "block_size is 3145728"},
        VhdCase{"block_size_huge", [](auto&, auto& h) { h.block_size = 1U << 31; }, "block_size is 2147483648"},
        VhdCase{"bat_short", [](auto&, auto& h) { h.max_table_entries = 1; }, "max_table_entries is 1"},
        VhdCase{"bat_huge", [](auto&, auto& h) { h.max_table_entries = 0xffffffff; }, "table_offset: the BAT"},
        VhdCase{"bat_outside", [](auto&, auto& h) { h.table_offset = std::uint64_t{1} << 60; }, "table_offset"},
        VhdCase{"bat_unaligned", [](auto&, auto& h) { h.table_offset = 1537; }, "table_offset is 1537"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(VhdBat, entries_outside_on_the_headers_and_overlapping_are_refused) {
    const auto with = [](std::uint32_t first, std::uint32_t third) {
        Bytes bytes = good_vhd();
        change<formats::be32>(bytes, 1536, [&](auto& entry) {
            if (first) entry = first;
        });
        change<formats::be32>(bytes, 1536 + 8, [&](auto& entry) {
            if (third) entry = third;
        });
        return refusal(bytes);
    };
    EXPECT_THAT(with(1, 0), HasSubstr("BAT entry 0 points to sector 1, inside the headers"));
    EXPECT_THAT(with(0, 0xfffffff0), HasSubstr("BAT entry 2 points to sector 4294967280, file has"));
    EXPECT_THAT(with(6, 7), HasSubstr("BAT entries 0 and 2 overlap"));
}

TEST(VhdFooter, a_wrong_checksum_and_a_lost_end_are_refused) {
    Bytes bytes = good_vhd();
    bytes[bytes.size() - 300] ^= std::byte{1};
    EXPECT_THAT(refusal(bytes), HasSubstr("checksum is"));
    bytes = good_vhd();
    bytes.resize(bytes.size() - 512);
    EXPECT_THAT(refusal(bytes), HasSubstr("cookie"));
    bytes = good_vhd(formats::vhd::Kind::fixed);
    bytes.erase(bytes.begin(), bytes.begin() + 4096);
    EXPECT_THAT(refusal(bytes), HasSubstr("current_size is 8388608, file has"));
}

// VMDK -------------------------------------------------------------------------------------------------

TEST(Vmdk, a_good_one_is_read) {
    EXPECT_EQ(refusal(support::vmdk_image({})), "accepted");
}

TEST(Vmdk, extents_in_other_files_are_refused_CVE_2022_47951) {
    const auto extent = [](const std::string& line) { return refusal(support::vmdk_image({.extent = line})); };
    EXPECT_THAT(extent("RW 1 FLAT \"/etc/passwd\" 0"), HasSubstr("names a path"));
    EXPECT_THAT(extent("RW 1 FLAT \"passwd\" 0"), HasSubstr("extent type is \"FLAT\""));
    EXPECT_THAT(extent("RW 1 SPARSE \"../x.vmdk\""), HasSubstr("names a path"));
    EXPECT_THAT(extent("RW 1 VMFS \"x\""), HasSubstr("extent type"));
    EXPECT_THAT(extent("# no extent"), HasSubstr("0 extents"));
    EXPECT_THAT(extent("RW 1 SPARSE \"a\"\nRW 1 SPARSE \"b\""), HasSubstr("2 extents"));
}

TEST(Vmdk, descriptors_are_read_line_by_line) {
    const auto more = [](const std::string& line) { return refusal(support::vmdk_image({.more = line})); };
    EXPECT_THAT(more("parentFileNameHint=\"base.vmdk\""), HasSubstr("parentFileNameHint"));
    EXPECT_THAT(more("parentCID=12345678"), HasSubstr("parentCID is 12345678"));
    EXPECT_THAT(more("createType=\"monolithicFlat\""), HasSubstr("createType is \"monolithicFlat\""));
    EXPECT_THAT(more("changeTrackPath=\"x-ctk.vmdk\""), HasSubstr("unknown line"));
    EXPECT_THAT(more("whatever"), HasSubstr("unknown line"));
    EXPECT_THAT(more("\x80"), HasSubstr("not ASCII"));
    EXPECT_THAT(refusal(support::bytes_of("# Disk DescriptorFile\nversion=1\nRW 1 FLAT \"/etc/passwd\" 0\n")),
                HasSubstr("vmdk descriptor, which is not read"));
}

TEST(Vmdk, header_fields_are_bounded) {
    using Header = formats::vmdk::SparseHeader;
    const std::pair<std::function<void(Header&)>, const char*> cases[] = {
        {[](Header& h) { h.version = 9; }, "version is 9"},
        {[](Header& h) { h.flags = 0x80000000; }, "flags has unknown bits"},
        {[](Header& h) { h.capacity = 0; }, "capacity is 0"},
        {[](Header& h) { h.capacity = UINT64_MAX; }, "capacity overflows"},
        {[](Header& h) { h.capacity = std::uint64_t{1} << 50; }, "capacity"},
        {[](Header& h) { h.grain_size = 0; }, "grainSize is 0"},
        {[](Header& h) { h.grain_size = 100; }, "grainSize is 100"},
        {[](Header& h) { h.grain_table_entries = 0; }, "numGTEsPerGT is 0"},
        {[](Header& h) { h.grain_table_entries = 4096; }, "numGTEsPerGT is 4096"},
        {[](Header& h) { h.descriptor_offset = 0; }, "descriptorOffset is 0"},
        {[](Header& h) { h.descriptor_offset = std::uint64_t{1} << 40; }, "descriptorOffset"},
        {[](Header& h) { h.descriptor_size = 1 << 20; }, "descriptorSize"},
        {[](Header& h) { h.directory_offset = std::uint64_t{1} << 40; }, "gdOffset"},
        {[](Header& h) { h.directory_offset = UINT64_MAX; }, "footer marker"},
        {[](Header& h) { h.line_ends[0] = '\r'; }, "transferred as text"},
        {[](Header& h) { h.compression = 1; }, "compressAlgorithm is 1"},
    };
    for (const auto& [edit, says] : cases) {
        Bytes bytes = support::vmdk_image({});
        change<Header>(bytes, 0, edit);
        EXPECT_THAT(refusal(bytes), HasSubstr(says));
    }
}

// Detection --------------------------------------------------------------------------------------------

TEST(Detection, a_raw_disk_in_which_a_guest_wrote_a_header_is_not_probed_CVE_2010_3851_CVE_2026_24708) {
    Bytes disk(mib);
    put(disk, 0, std::string("QFI\xfb\0\0\0\3", 8));
    EXPECT_THAT(refusal(disk, "disk.raw"), HasSubstr("type --from qcow2"));
    formats::OpenOptions forced;
    forced.declared = formats::Format::raw;
    EXPECT_THAT(refusal(disk, "disk.raw", forced), HasSubstr("--from raw --force"));
    forced.force_raw = true;
    EXPECT_EQ(refusal(disk, "disk.raw", forced), "accepted");
}

TEST(Detection, two_signatures_at_once_are_refused) {
    Bytes bytes = good_qcow2();
    const Bytes vhd = good_vhd();
    bytes.insert(bytes.end(), vhd.end() - 512, vhd.end());
    EXPECT_THAT(refusal(bytes), HasSubstr("qcow2 and vhd at once"));
}

TEST(Detection, the_content_must_be_what_is_declared) {
    formats::OpenOptions options;
    options.declared = formats::Format::vhd;
    EXPECT_THAT(refusal(good_qcow2(), "x", options), HasSubstr("type --from qcow2"));
    EXPECT_THAT(refusal(good_qcow2(), "x.vhd"), HasSubstr("type --from qcow2"));
    EXPECT_THAT(refusal(Bytes(mib), "x.qcow2"), HasSubstr("no such signature"));
    EXPECT_THAT(refusal(Bytes(mib), "x.bin"), HasSubstr("nothing says that it is a raw disk"));
    EXPECT_EQ(refusal(Bytes(mib), "x.raw"), "accepted");
    EXPECT_THAT(refusal({}, "x.raw"), HasSubstr("empty"));
}

TEST(Detection, formats_that_are_known_but_not_read_are_named) {
    for (const auto& [offset, magic, name] : {std::tuple<std::size_t, std::string, const char*>{0, "vhdxfile", "vhdx"},
                                              {0, "LUKS\xba\xbe", "luks"},
                                              {0x8001, "CD001", "iso9660"},
                                              {64, "\x7f\x10\xda\xbe", "vdi"}}) {
        Bytes bytes(mib);
        put(bytes, offset, magic);
        EXPECT_THAT(refusal(bytes, "x.raw"), HasSubstr(std::string("the content is ") + name));
    }
}

TEST(Detection, a_raw_name_with_packed_content_is_refused) {
    Bytes bytes(mib);
    put(bytes, 0, "\x1f\x8b\x08");
    EXPECT_THAT(refusal(bytes, "disk.raw"), HasSubstr("packed with gzip"));
}

// OVF --------------------------------------------------------------------------------------------------

std::string ovf_refusal(const std::string& xml) {
    try {
        formats::ova::read_ovf(xml);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "accepted";
}

TEST(Ovf, document_types_entities_and_paths_are_refused_CVE_2014_0191) {
    EXPECT_THAT(ovf_refusal("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><Envelope/>"), HasSubstr("document type"));
    EXPECT_THAT(ovf_refusal("<!DOCTYPE a [<!ENTITY b \"c\">]><Envelope>&b;</Envelope>"), HasSubstr("document type"));
    EXPECT_THAT(ovf_refusal("<Envelope><References><File href=\"../x\"/></References></Envelope>"),
                HasSubstr("href \"../x\""));
    EXPECT_THAT(ovf_refusal("<Envelope><References><File href=\"http://x\"/></References></Envelope>"),
                HasSubstr("href"));
    EXPECT_THAT(ovf_refusal("<Envelope/>"), HasSubstr("0 VirtualSystems"));
    EXPECT_THAT(ovf_refusal("<a/>"), HasSubstr("root is not <Envelope>"));
    EXPECT_THAT(ovf_refusal("<Envelope"), HasSubstr("not well-formed"));
    EXPECT_THAT(ovf_refusal("<Envelope><DiskSection><Disk diskId=\"a\" parentRef=\"b\"/></DiskSection></Envelope>"),
                HasSubstr("parentRef"));
    std::string deep = "<Envelope>";
    for (int i = 0; i < 100; ++i) deep += "<a>";
    for (int i = 0; i < 100; ++i) deep += "</a>";
    EXPECT_THAT(ovf_refusal(deep + "</Envelope>"), HasSubstr("nests deeper"));
}

}  // namespace
