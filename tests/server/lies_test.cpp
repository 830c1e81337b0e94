// SPDX-License-Identifier: Apache-2.0
// A worker that was taken over says and leaves what it likes. Each lie here is told over an honest result of three
// images and two texts; none may publish anything or change anything outside of its job's folder.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <ostream>

#include "formats/stream/digest.hpp"
#include "server/publish/publish.hpp"
#include "server/publish/signing_key.hpp"
#include "tests/support/judges.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using formats::DigestKind;
using testing::HasSubstr;

const std::string stem = "debian-12-20261121-pvhvm";

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

// What a worker can reach: its job's folder; and the machine around it, which it must not.
class World {
public:
    World() {
        fs::create_directories(out);
        fs::create_directory(data / ".ssh");
        write(data / ".ssh/authorized_keys", "ssh-ed25519 the-administrator\n");
        write(job / "recipe.ks", "");
        result = {
            {"release_name", stem}, {"title", "Debian 12, pvhvm"}, {"details", details()}, {"products", json::array()}};
        add("xva.xz", ".xva.xz", "packed by xz", "image");
        add("xva.zst", ".xva.zst", "packed by zstd", "image");
        add("vhd-fixed", "-fixed.vhd", "a fixed vhd", "a fixed vhd");
        add("ova.xml", ".ova.xml", "<value/>", {});
        add("report.json", ".report.json", "{}\n", {});
    }
    ~World() {
        if (held >= 0) ::close(held);
    }

    static json::object details() {
        return {
            {"hardware",
             {{"mode", "pvhvm"},
              {"firmware", "bios"},
              {"vcpus", 2},
              {"memory_bytes", 1 << 30},
              {"disks", json::array{json::object{{"virtual_size", 1 << 30}, {"disk_digest", std::string(64, 'd')}}}}}},
            {"notes", json::array{json::object{{"line", 3}, {"message", "a note\nof two lines"}}}}};
    }

    json::object& product(std::size_t index) { return result.at("products").as_array().at(index).as_object(); }
    json::object& hardware() { return result.at("details").at("hardware").as_object(); }
    fs::path file(std::size_t index) { return out / json::value_to<std::string>(product(index).at("file_name")); }

    support::TemporaryFolder folder;
    fs::path data = folder.path(), job = data / "jobs/01", out = job / "out";
    json::object result;
    std::function<void(const fs::path&)> write_result;  // of the lies about that file
    int held = -1;

private:
    void add(const std::string& format, const std::string& ending, const std::string& content,
             const std::string& image) {
        write(out / (stem + ending), content);
        result.at("products")
            .as_array()
            .push_back({{"file_name", stem + ending},
                        {"format", format},
                        {"size", content.size()},
                        {"sha256", formats::digest_hex(DigestKind::sha256, content)},
                        {"md5", formats::digest_hex(DigestKind::md5, content)},
                        {"image_size", image.size()},
                        {"image_sha256", image.empty() ? "" : formats::digest_hex(DigestKind::sha256, image)},
                        {"image_md5", image.empty() ? "" : formats::digest_hex(DigestKind::md5, image)}});
    }
};

struct Lie {
    const char* name;
    std::function<void(World&)> tell;
    const char* says;  // a part of the error
};
[[maybe_unused]] void PrintTo(const Lie& lie, std::ostream* out) {
    *out << lie.name;
}

json::value said(const std::string& text) {
    return json::value(json::string(text));
}

Lie member(const char* name, std::size_t product, const char* which, json::value value, const char* says) {
    return {name, [=](World& world) { world.product(product)[which] = value; }, says};
}
Lie of_all(const char* name, const char* which, json::value value, const char* says) {
    return {name, [=](World& world) { world.result[which] = value; }, says};
}
Lie of_hardware(const char* name, const char* which, json::value value, const char* says) {
    return {name, [=](World& world) { world.hardware()[which] = value; }, says};
}
Lie text(const char* name, std::function<std::string(const std::string&)> change, const char* says) {
    return {name,
            [=](World& world) {
                world.write_result = [&world, change](const fs::path& file) {
                    write(file, change(json::serialize(world.result)));
                };
            },
            says};
}
void exchange(std::string& text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
}

const std::vector<Lie>& lies() {
    static const json::value other_sha256 = said(std::string(64, '0')), other_md5 = said(std::string(32, '0'));
    static const std::vector<Lie> all{
        // Digests
        member("sha256_climbs", 0, "sha256", "../.ssh/authorized_keys2", "products[0].sha256"),
        member("sha256_is_absolute", 0, "sha256", "/tmp/believed", "products[0].sha256"),
        member("sha256_climbs_in_64_bytes", 0, "sha256", said("../../.ssh/" + std::string(53, 'a')),
               "products[0].sha256"),
        member("sha256_is_upper_case", 0, "sha256", said(std::string(64, 'A')), "products[0].sha256"),
        member("sha256_is_empty", 0, "sha256", "", "products[0].sha256"),
        member("sha256_is_a_number", 0, "sha256", 5, "products[0].sha256: is not text"),
        member("sha256_of_other_content", 0, "sha256", other_sha256, "; it has "),
        member("md5_climbs", 1, "md5", "../../../../../../../../etc/cron", "products[1].md5"),
        member("md5_of_other_content", 1, "md5", other_md5, "; it has "),
        member("image_sha256_climbs", 0, "image_sha256", "../x", "products[0].image_sha256"),
        member("image_md5_is_html", 0, "image_md5", "<script>alert(1)</script>", "products[0].image_md5"),
        member("image_sha256_is_not_the_unpacked_file's", 2, "image_sha256", other_sha256, "products[2].image_size"),
        member("image_md5_is_not_the_unpacked_file's", 2, "image_md5", other_md5, "products[2].image_size"),
        member("two_packings_are_of_two_images", 1, "image_sha256", other_sha256, "not of the same image"),
        member("a_text_has_an_image", 3, "image_sha256", other_sha256, "products[3].image_sha256"),
        // Sizes
        member("size_is_smaller", 0, "size", 3, "says that"),
        member("size_is_larger", 0, "size", 1 << 20, "says that"),
        member("size_is_zero", 0, "size", 0, "products[0].size"),
        member("size_is_negative", 0, "size", -12, "products[0].size"),
        member("size_is_broken", 0, "size", 12.5, "products[0].size"),
        member("size_is_beyond_all_disks", 0, "size", UINT64_MAX, "products[0].size"),
        member("a_text_is_huge", 3, "size", std::uint64_t{1} << 40, "products[3].size"),
        member("image_size_is_not_the_unpacked_file's", 2, "image_size", 7, "products[2].image_size"),
        member("image_size_is_zero", 0, "image_size", 0, "products[0].image_size"),
        // Names and formats
        member("name_climbs", 0, "file_name", "../../../signing-key.pem", "products[0].file_name"),
        member("name_is_absolute", 0, "file_name", "/etc/passwd", "products[0].file_name"),
        member("name_is_the_service's", 0, "file_name", "SHA256SUMS", "products[0].file_name"),
        member("name_is_the_recipe's", 0, "file_name", said(stem + ".ks"), "products[0].file_name"),
        member("name_is_another_product's", 1, "file_name", said(stem + ".xva.xz"), "products[1].file_name"),
        member("name_has_a_line_of_sums", 0, "file_name", said(stem + ".xva.xz\n0  x"), "control"),
        member("name_has_an_end", 0, "file_name", said(stem + std::string(".xva.xz\0", 8)), "control character"),
        member("name_does_not_agree_with_its_format", 0, "format", "xva.gz", "products[0].file_name"),
        member("format_is_not_known", 0, "format", "exe", "is not a format that a worker makes"),
        member("format_is_the_service's", 0, "format", "signature", "is not a format that a worker makes"),
        {"format_was_not_asked_for",
         [](World& world) {
             world.product(2)["format"] = "vhd";
             world.product(2)["file_name"] = stem + ".vhd";
             fs::rename(world.out / (stem + "-fixed.vhd"), world.out / (stem + ".vhd"));
         },
         "vhd was not asked for"},
        {"an_image_is_left_out",
         [](World& world) {
             auto& list = world.result.at("products").as_array();
             list.erase(list.begin());
         },
         "lacks xva.xz"},
        {"a_product_is_listed_twice",
         [](World& world) { world.result.at("products").as_array().push_back(world.product(0)); }, "twice"},
        {"a_thousand_products",
         [](World& world) {
             for (int i = 0; i < 1000; ++i) world.result.at("products").as_array().push_back(world.product(0));
         },
         "products: is not a list"},
        of_all("no_products", "products", json::array(), "products: is not a list"),
        of_all("products_are_text", "products", "many", "products: is not a list"),
        // Release
        of_all("release_name_is_another's", "release_name", "debian-12-20251121-pvhvm", "file_name"),
        {"release_and_files_are_another's",
         [](World& world) {
             std::string all = json::serialize(world.result);
             for (std::size_t at = 0; (at = all.find(stem, at)) != std::string::npos;) all.replace(at, 6, "fedora");
             world.result = json::parse(all).as_object();
         },
         "release_name: 'fedora-12-20261121-pvhvm' is not"},
        of_all("release_name_climbs", "release_name", "../../.ssh", "is not a plain name"),
        of_all("release_name_is_hidden", "release_name", ".incoming-01", "is not a plain name"),
        of_all("title_is_another's", "title", "Debian 12, pvhvm, official", "title"),
        of_all("title_has_a_terminal's_escape", "title", "Debian \x1b[2J12, pvhvm", "title: has a control"),
        of_all("title_is_long", "title", said(std::string(5000, 'x')), "title: has 5000 bytes"),
        of_all("a_member_is_not_known", "sign", true, "sign is not known"),
        {"a_member_is_missing", [](World& world) { world.product(0).erase("md5"); }, "md5 is missing"},
        // Details
        of_all("details_are_a_list", "details", json::array{1}, "details: is not an object"),
        of_all("details_are_a_conversion's", "details", json::object{{"kind", "conversion"}}, "details.kind"),
        of_all("details_have_an_escape", "details",
               json::object{{"notes", json::array{json::object{{"message", "\x1b]0;x\x07"}}}}}, "details.notes"),
        of_all("details_have_an_escape_in_a_name", "details", json::object{{"a\x1b", 1}}, "details.a"),
        of_all("source_digest_climbs", "details", json::object{{"source", json::object{{"sha256", "../x"}}}},
               "details.source.sha256"),
        of_hardware("disk_digest_climbs", "disks", json::array{json::object{{"disk_digest", "../../x"}}},
                    "disk_digest"),
        of_hardware("disks_are_a_million", "disks", json::array(100000), "disks: is not a list"),
        of_hardware("disk_is_larger_than_all", "disks", json::array{json::object{{"virtual_size", UINT64_MAX}}},
                    "virtual_size"),
        of_hardware("vcpus_are_negative", "vcpus", -1, "details.hardware.vcpus"),
        of_hardware("memory_is_text", "memory_bytes", "lots", "details.hardware.memory_bytes"),
        of_hardware("mode_is_not_known", "mode", "<b>", "details.hardware.mode"),
        // result.json as a text
        text(
            "no_json", [](const std::string&) { return "{"; }, "is not JSON"),
        text(
            "nothing", [](const std::string&) { return ""; }, "is not JSON"),
        text(
            "no_object", [](const std::string&) { return "[]"; }, "is not an object"),
        text(
            "no_utf8",
            [](std::string all) {
                exchange(all, "Debian 12", "Debian \xff\xfe");
                return all;
            },
            "is not JSON"),
        text(
            "deep", [](const std::string&) { return std::string(100000, '[') + std::string(100000, ']'); },
            "is not JSON"),
        text(
            "long", [](const std::string& all) { return all + std::string(9 << 20, ' '); }, "bytes, more than"),
        text(
            "a_name_is_there_twice",
            [](std::string all) {
                exchange(all, "\"format\":\"xva.xz\"", "\"format\":\"xva.xz\",\"sha256\":\"../x\"");
                exchange(all, "\"md5\"", "\"sha256\":\"../x\",\"md5\"");
                return all;
            },
            "products[0].sha256"),
        // Files
        {"result_is_a_link",
         [](World& world) {
             world.write_result = [&](const fs::path& file) {
                 write(world.data / "elsewhere", json::serialize(world.result));
                 fs::create_symlink(world.data / "elsewhere", file);
             };
         },
         "is a link"},
        {"result_is_a_second_name",
         [](World& world) {
             world.write_result = [](const fs::path& file) {
                 fs::create_hard_link(file.parent_path().parent_path().parent_path() / ".ssh/authorized_keys", file);
             };
         },
         "2 names"},
        {"result_is_a_pipe",
         [](World& world) {
             world.write_result = [](const fs::path& file) { ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0); };
         },
         "is not a regular file"},
        {"result_is_not_there", [](World& world) { world.write_result = [](const fs::path&) {}; }, "result.json"},
        {"product_is_a_link_to_the_key",
         [](World& world) {
             fs::remove(world.file(0));
             fs::create_symlink(world.data / "signing-key.pem", world.file(0));
         },
         "is a link"},
        {"product_is_a_second_name_of_a_secret",
         [](World& world) {
             fs::remove(world.file(0));
             fs::create_hard_link(world.data / ".ssh/authorized_keys", world.file(0));
         },
         "2 names"},
        {"product_is_a_pipe",
         [](World& world) {
             fs::remove(world.file(0));
             ASSERT_EQ(::mkfifo(world.file(0).c_str(), 0600), 0);
         },
         "is not a regular file"},
        {"product_is_a_folder",
         [](World& world) {
             fs::remove(world.file(0));
             fs::create_directory(world.file(0));
         },
         "is not a regular file"},
        {"product_is_not_there", [](World& world) { fs::remove(world.file(0)); }, "open "},
        {"product_has_grown", [](World& world) { std::ofstream(world.file(0), std::ios::app) << "!"; }, "says that"},
        {"product_is_still_open_for_writing",
         [](World& world) { world.held = ::open(world.file(0).c_str(), O_RDWR | O_CLOEXEC); },
         "still open for writing"},
        {"product_is_still_mapped",
         [](World& world) {
             const int descriptor = ::open(world.file(0).c_str(), O_RDWR | O_CLOEXEC);
             ASSERT_NE(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), MAP_FAILED);
             ::close(descriptor);  // the mapping stays
         },
         "still open for writing"},
        {"out_is_a_link",
         [](World& world) {
             fs::rename(world.out, world.data / "elsewhere");
             fs::create_symlink(world.data / "elsewhere", world.out);
         },
         "open the folder"},
    };
    return all;
}

class Told : public testing::Test {
protected:
    Told()
        : catalog(server::catalog::Catalog::open(world.data / "catalog.db")),
          store(world.data / "store"),
          key(server::publish::SigningKey::load_or_create(world.data)),
          job{"01", "build",  server::catalog::JobState::publishing,
              "{}", "text\n", "2026-11-21T06:00:00Z",
              "",   "",       1,
              "",   0,        "",
              ""} {
        catalog->add_job(job);
        fs::create_directory(world.data / "releases");
    }

    server::catalog::Release publish() {
        if (world.write_result)
            world.write_result(world.job / "result.json");
        else
            write(world.job / "result.json", json::serialize(world.result));
        before = around();
        return publish_release(worker::read_result(world.job / "result.json"),
                               {stem, "Debian 12, pvhvm", false, {"xva.xz", "xva.zst", "vhd-fixed"}}, job, world.job,
                               world.data / "releases", key, store, *catalog, "2026-11-21T07:00:00Z");
    }

    // All that is not the job's own, but for the database.
    std::map<std::string, std::string> around() const {
        std::map<std::string, std::string> all;
        for (const auto& entry : fs::recursive_directory_iterator(world.data)) {
            const std::string name = fs::relative(entry.path(), world.data);
            if (name.starts_with("jobs") || name.starts_with("catalog.db")) continue;
            struct stat status {};
            EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0);
            all[name] = std::to_string(status.st_mode) + (entry.is_regular_file() ? " " + read(entry.path()) : "");
        }
        return all;
    }

    World world;
    std::unique_ptr<server::catalog::Catalog> catalog;
    server::store::Store store;
    server::publish::SigningKey key;
    server::catalog::Job job;
    std::map<std::string, std::string> before;
};

class Lies : public Told, public testing::WithParamInterface<Lie> {};

TEST_F(Told, the_honest_result_they_are_told_over_is_published) {
    const auto release = publish();
    EXPECT_EQ(release.name, stem);
    EXPECT_EQ(release.artifacts.size(), 10U);
    EXPECT_EQ(read(world.data / "releases" / stem / (stem + "-fixed.vhd")), "a fixed vhd");
    EXPECT_EQ(store.digests().size(), 10U);
}

TEST_P(Lies, publishes_nothing_and_harms_nothing) {
    GetParam().tell(world);
    try {
        publish();
        ADD_FAILURE() << "was believed";
    } catch (const std::exception& error) {
        EXPECT_THAT(error.what(), HasSubstr(GetParam().says));
    }
    EXPECT_TRUE(catalog->releases(10).empty());
    EXPECT_EQ(catalog->job("01")->state, server::catalog::JobState::publishing);
    EXPECT_TRUE(fs::is_empty(world.data / "releases"));
    EXPECT_TRUE(store.digests().empty());
    EXPECT_EQ(around(), before);
}

std::string name_of(const testing::TestParamInfo<Lie>& info) {
    std::string name = info.param.name;
    std::erase(name, '\'');
    return name;
}
INSTANTIATE_TEST_SUITE_P(Table, Lies, testing::ValuesIn(lies()), name_of);

TEST_F(Told, a_name_that_is_taken_takes_nothing_with_it_when_the_second_result_lies) {
    const auto first = publish();
    const auto stored = store.digests();
    job.id = "02";
    catalog->add_job(job);
    world.product(0)["sha256"] = said(std::string(64, '0'));
    EXPECT_ANY_THROW(publish());  // its other files are the first release's as well
    EXPECT_EQ(store.digests().size(), stored.size());
    EXPECT_EQ(around(), before);
}

TEST_F(Told, what_the_store_took_before_the_error_is_taken_out_again) {
    const auto damaged = formats::Sha256::of(formats::digest_hex(DigestKind::sha256, "packed by zstd"), "zstd");
    fs::create_directory(store.path(damaged).parent_path());
    write(store.path(damaged), "packed by nobody");
    try {
        publish();
        ADD_FAILURE() << "other content was taken for the same";
    } catch (const std::exception& error) {
        EXPECT_THAT(error.what(), HasSubstr("does not have the content of its digest"));
    }
    EXPECT_EQ(store.digests(), std::vector{damaged});
    EXPECT_TRUE(fs::is_empty(world.data / "releases"));
}

TEST_F(Told, of_a_product_that_belongs_to_somebody_else_is_refused) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    ASSERT_EQ(::chown(world.file(0).c_str(), 65534, 65534), 0);
    EXPECT_ANY_THROW(publish());
    EXPECT_TRUE(store.digests().empty());
}

}  // namespace
