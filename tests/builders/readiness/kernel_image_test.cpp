// SPDX-License-Identifier: Apache-2.0
#include "builders/readiness/kernel_image.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

using namespace builders::readiness;
using testing::AllOf;
using testing::Contains;

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::uint32_t> notes_of(const std::string& image) {
    return xen_notes(std::as_bytes(std::span(image)));
}

TEST(KernelImage, tells_its_xen_notes_however_it_is_compressed) {
    for (const char* name : {"gzip", "xz"})
        EXPECT_EQ(
            notes_of(read(std::filesystem::path(XENKILN_SOURCE_DIR) / "tests/fuzz/seeds/builders_kernel_fuzz" / name)),
            (std::set<std::uint32_t>{note_entry, note_phys32_entry}))
            << name;
}

TEST(KernelImage, of_this_machine_can_be_pvh) {
    int seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/boot")) {
        if (!entry.path().filename().string().starts_with("vmlinuz-")) continue;
        const std::string image = read(entry.path());
        if (image.empty()) continue;  // not ours to read
        ++seen;
        EXPECT_THAT(notes_of(image), Contains(note_phys32_entry)) << entry.path();
    }
    if (seen == 0) GTEST_SKIP() << "no readable kernel under /boot";
}

TEST(KernelImage, that_is_none_or_cut_off_is_an_error) {
    const std::string image =
        read(std::filesystem::path(XENKILN_SOURCE_DIR) / "tests/fuzz/seeds/builders_kernel_fuzz/gzip");
    EXPECT_THROW(notes_of(""), std::runtime_error);
    EXPECT_THROW(notes_of(std::string(4096, 'x')), std::runtime_error);
    for (std::size_t size :
         {std::size_t{0x1f0}, std::size_t{0x24d}, std::size_t{1023}, image.size() / 2 + 512, image.size() - 1})
        EXPECT_THROW(notes_of(image.substr(0, size)), std::runtime_error) << size;
}

}  // namespace
