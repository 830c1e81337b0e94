// SPDX-License-Identifier: Apache-2.0
#include "worker/worker_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "formats/stream/digest.hpp"
#include "server/store/store.hpp"
#include "tests/support/judges.hpp"

namespace worker {
namespace {

namespace fs = std::filesystem;
using formats::DigestKind;
using testing::HasSubstr;

class WorkerFile : public testing::Test {
protected:
    WorkerFile() {
        fs::create_directory(folder / "out");
        put("content");
    }
    void put(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
    static std::string read(const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    formats::File product() const { return open_product(open_folder(folder / "out"), "product", folder.path()); }
    static formats::Sha256 sha256(const std::string& text) {
        return formats::Sha256::of(formats::digest_hex(DigestKind::sha256, text), "text");
    }

    support::TemporaryFolder folder;
    fs::path path = folder / "out/product";
    server::store::Store store{folder / "store"};
};

TEST_F(WorkerFile, is_measured_and_stored_by_its_descriptor_whatever_its_name_holds_by_then) {
    std::vector<formats::File> files;
    files.push_back(product());
    fs::rename(path, folder / "out/hidden");
    put("another");
    const auto measured = measure(files);
    require_sealed(files[0]);
    EXPECT_TRUE(store.adopt(files[0], measured[0].sha256));
    EXPECT_EQ(measured[0].size, 7U);
    EXPECT_EQ(measured[0].sha256, sha256("content"));
    EXPECT_EQ(measured[0].md5.hex(), formats::digest_hex(DigestKind::md5, std::string("content")));
    EXPECT_EQ(read(store.path(sha256("content"))), "content");
    struct stat status {};
    ASSERT_EQ(::stat(store.path(sha256("content")).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0222, 0U) << "it can be written";
}

TEST_F(WorkerFile, that_somebody_opens_for_writing_while_it_is_read_is_refused) {
    const formats::File file = product();
    require_sealed(file);
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);  // as its owner may
    // The kernel holds the writer back as long as the lease is held.
    EXPECT_EQ(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
    EXPECT_EQ(errno, EWOULDBLOCK);
    EXPECT_ANY_THROW(require_sealed(file));
}

TEST_F(WorkerFile, of_a_file_system_without_leases_is_a_copy_that_nobody_else_has_open) {
    const formats::File original = open_plain(open_folder(folder / "out"), "product", 100);
    const formats::File copy = unnamed_copy(original, original.size(), folder.path());
    put("changed");
    require_sealed(copy);
    EXPECT_TRUE(store.adopt(copy, sha256("content")));
    EXPECT_EQ(read(store.path(sha256("content"))), "content");
}

TEST_F(WorkerFile, that_is_stored_already_is_stored_once_and_other_bytes_are_not_taken_for_it) {
    EXPECT_TRUE(store.adopt(product(), sha256("content")));
    fs::remove(path);
    put("content");
    EXPECT_FALSE(store.adopt(product(), sha256("content")));
    fs::remove(path);
    put("CONTENT");
    EXPECT_THROW(store.adopt(product(), sha256("content")), std::runtime_error);
    EXPECT_EQ(read(store.path(sha256("content"))), "content");
}

TEST_F(WorkerFile, that_is_no_digest_is_not_the_store_s) {
    std::ofstream(folder / "store/note") << "x";
    fs::create_symlink(path, folder / ("store/" + std::string(64, 'a')));
    EXPECT_TRUE(store.digests().empty());
}

TEST(HexDigest, holds_nothing_but_lower_case_digits) {
    EXPECT_TRUE(formats::Sha256::parse(std::string(64, 'a')));
    for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'),
                                    std::string(64, '.'), std::string(63, 'a') + "\n", std::string(64, '\0')})
        EXPECT_FALSE(formats::Sha256::parse(text)) << text;
    EXPECT_FALSE(formats::Md5::parse(std::string(64, 'a')));
    try {
        formats::Sha256::of("../x", "the digest of y");
        ADD_FAILURE();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("the digest of y is 4 bytes"));
    }
}

}  // namespace
}  // namespace worker
