// SPDX-License-Identifier: Apache-2.0
// Which image is served in which format, under which tag, and what is said when none can be.
#include <gtest/gtest.h>

#include "formats/image/plan_output.hpp"
#include "formats/stream/digest.hpp"
#include "tests/server/fakes.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using server::Response;
using support::MemoryDisk;
using support::mib;
using testing::HasSubstr;

class ApiImages : public support::ApiTest {
protected:
    ApiImages() {
        first.fill(0, 70'000, 3);
        second.fill(mib, 100, 4);
        hardware.name = "two";
    }

    std::vector<std::byte> file(const std::string& kind, const std::vector<formats::BlockSource*>& disks) {
        const formats::OutputKind output = *formats::output_kind_from(kind);
        support::MemorySink sink;
        const auto packed = make_compressor(output.packing, formats::levels(output.packing).lowest, 1, sink);
        plan_output(output, disks, hardware)->write(*packed);
        packed->finish();
        return sink.bytes;
    }

    void release(const std::string& name, const std::vector<std::pair<std::string, std::vector<std::byte>>>& files,
                 const std::string& details = "{}") {
        server::catalog::Release release{name, name, "2026-11-21T06:30:00Z", "00112233445566ff", details, {}};
        for (const auto& [format, bytes] : files) {
            const std::string digest = formats::digest_hex(formats::DigestKind::sha256, bytes);
            put(stored(digest), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
            release.artifacts.push_back(
                {digest, name, name + "." + format, format, bytes.size(), digest, "", 0, "", ""});
        }
        catalog.publish(release, {});
    }

    Response ask(const std::string& path, const std::string& disk = {}) {
        auto request = this->request("GET", path);
        if (!disk.empty()) request.query.emplace_back("disk", disk);
        Response response = api.handle(request);
        for (int i = 0; response.not_yet && i < 1000; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            response = api.handle(request);
        }
        return response;
    }

    // Nothing in it says where its blocks are: the magic number of zstd's table, or the field of the first member is
    // another.
    std::vector<std::byte> by_others(const char* format) {
        std::vector<std::byte> bytes = file(format, {&first});
        (std::string_view(format).ends_with("zst") ? bytes.back() : bytes.at(12)) ^= std::byte{1};
        return bytes;
    }

    static std::vector<std::byte> whole(const Response& response) {
        if (!response.ranged) return {};
        std::vector<std::byte> bytes(response.ranged->size);
        while (!response.ranged->read(0, bytes)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return bytes;
    }

    MemoryDisk first{2 * mib}, second{3 * mib + 512};
    formats::Hardware hardware;
};

TEST_F(ApiImages, each_format_of_each_stored_form_is_what_a_writer_writes) {
    for (const char* stored : {"xva", "xva.xz", "xva.zst", "xva.gz", "qcow2", "vhd", "raw", "raw.xz"}) {
        const std::string name = std::string("of-") + stored;
        release(name, {{stored, file(stored, {&first})}},
                R"({"hardware":{"name":"two","disks":[{"virtual_size":2097152}]}})");
        for (const char* kind : {"raw", "qcow2", "vhd", "xva"}) {
            const Response response = ask("/v1/images/" + name + "/disk." + kind);
            EXPECT_EQ(response.status, 200U) << stored << " to " << kind << response.body;
            EXPECT_THAT(header(response, "Content-Disposition"), HasSubstr(name + "." + kind));
            EXPECT_EQ(response.ranged->one_shot, std::string(kind) == "xva");
            EXPECT_EQ(response.ranged->size, whole(response).size());
            const auto opened = file(kind, {&first});
            // An XVA stores whole megabytes: what is allocated differs, not what is there.
            if (std::string(kind) == "raw") {
                EXPECT_EQ(whole(response), opened) << stored;
            }
        }
    }
}

TEST_F(ApiImages, a_disk_of_several_is_chosen_by_its_number) {
    release("two", {{"xva.xz", file("xva.xz", {&first, &second})}});
    EXPECT_EQ(whole(ask("/v1/images/two/disk.xva")), file("xva", {&first, &second}));
    std::vector<std::byte> padded(4 * mib);
    second.read_at(0, std::span(padded).first(second.virtual_size()));
    EXPECT_EQ(whole(ask("/v1/images/two/disk.raw", "2")), padded);
    EXPECT_THAT(problem(ask("/v1/images/two/disk.raw"), 409).at("detail").as_string().c_str(), HasSubstr("?disk=2"));
    EXPECT_THAT(problem(ask("/v1/images/two/disk.raw", "3"), 404).at("detail").as_string().c_str(),
                HasSubstr("2 disks"));
    problem(ask("/v1/images/two/disk.raw", "0"), 400);
    problem(ask("/v1/images/two/disk.raw", "two"), 400);
}

TEST_F(ApiImages, a_tag_stands_for_the_artifact_the_format_and_the_disk) {
    release("one", {{"xva.xz", file("xva.xz", {&first, &second})}});
    release("same", {{"xva.xz", file("xva.xz", {&first, &second})}});
    release("other", {{"xva.xz", file("xva.xz", {&second, &first})}});
    const auto tag = [&](const std::string& path, const std::string& disk) { return ask(path, disk).ranged->etag; };
    const std::string wanted = tag("/v1/images/one/disk.vhd", "1");
    EXPECT_EQ(wanted.size(), 64U);
    EXPECT_EQ(tag("/v1/images/one/disk.vhd", "1"), wanted);
    EXPECT_EQ(tag("/v1/images/same/disk.vhd", "1"), wanted);
    EXPECT_NE(tag("/v1/images/one/disk.vhd", "2"), wanted);
    EXPECT_NE(tag("/v1/images/one/disk.qcow2", "1"), wanted);
    EXPECT_NE(tag("/v1/images/other/disk.vhd", "1"), wanted);
}

TEST_F(ApiImages, an_xva_of_a_disk_alone_has_the_machine_of_its_release) {
    const auto disk = file("qcow2", {&first});
    release("a", {{"qcow2", disk}}, R"({"hardware":{"name":"ember","vcpus":7,"disks":[{}]}})");
    release("b", {{"qcow2", disk}}, R"({"hardware":{"name":"ash","vcpus":3,"disks":[{}]}})");
    const Response a = ask("/v1/images/a/disk.xva"), b = ask("/v1/images/b/disk.xva");
    EXPECT_NE(a.ranged->etag, b.ranged->etag);
    const auto text = [](const std::vector<std::byte>& bytes) {
        return std::string(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 65536));
    };
    EXPECT_THAT(text(whole(a)), HasSubstr("ember"));
    EXPECT_THAT(text(whole(b)), HasSubstr("ash"));
}

TEST_F(ApiImages, what_cannot_be_made_is_said_with_what_there_is) {
    release("packed", {{"xva.gz", by_others("xva.gz")}, {"xva.zst", by_others("xva.zst")}});
    const std::string why(problem(ask("/v1/images/packed/disk.raw"), 409).at("detail").as_string());
    EXPECT_THAT(why, HasSubstr("it has packed.xva.gz, packed.xva.zst; packed.xva.zst: "));
    EXPECT_THAT(why, HasSubstr("; packed.xva.gz: "));
    release("both", {{"xva.zst", by_others("xva.zst")}, {"xva.xz", file("xva.xz", {&first})}});
    EXPECT_EQ(ask("/v1/images/both/disk.raw").status, 200U);
    EXPECT_THAT(problem(ask("/v1/images/both/disk.iso"), 415).at("detail").as_string().c_str(), HasSubstr("qcow2"));
    EXPECT_THAT(problem(ask("/v1/images/both"), 404).at("detail").as_string().c_str(), HasSubstr("disk."));
    problem(ask("/v1/images/neither/disk.raw"), 404);
    problem(ask("/v1/images"), 404);
    release("notes", {{"kickstart", file("raw", {&first})}});
    problem(ask("/v1/images/notes/disk.raw"), 409);
}

TEST_F(ApiImages, a_packed_file_is_had_unpacked_under_the_digest_of_its_content) {
    const auto plain = file("xva", {&first});
    release("x", {{"xva.xz", file("xva.xz", {&first})}});
    catalog.all_releases.front().artifacts.front().image_sha256 =
        formats::digest_hex(formats::DigestKind::sha256, plain);
    const Response response = ask("/download/x/x.xva");
    ASSERT_TRUE(response.ranged);
    EXPECT_EQ(response.ranged->etag, formats::digest_hex(formats::DigestKind::sha256, plain));
    EXPECT_TRUE(response.ranged->one_shot);
    EXPECT_EQ(whole(response), plain);
    release("z", {{"xva.zst", by_others("xva.zst")}});
    EXPECT_THAT(problem(ask("/download/z/z.xva"), 409).at("detail").as_string().c_str(), HasSubstr("z.xva.zst"));
    problem(ask("/download/x/x.vhd"), 404);
}

}  // namespace
