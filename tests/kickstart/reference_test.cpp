// SPDX-License-Identifier: Apache-2.0
// Real kickstarts and what Anaconda's own library makes of them, when the reference folder is there: $XENKILN_SHARED,
// else the folder `shared` beside the project. The rules themselves are proved by corpus_test.cpp without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kickstart/bundle.hpp"
#include "kickstart/lint.hpp"
#include "kickstart/render.hpp"
#include "tests/kickstart/essence.hpp"

namespace {

namespace fs = std::filesystem;

fs::path reference() {
    const char* shared = std::getenv("XENKILN_SHARED");
    return fs::path(shared ? shared : XENKILN_SOURCE_DIR "/../shared") / "kickstart";
}

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> kickstarts(const fs::path& folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.path().extension() == ".ks" || entry.path().extension() == ".cfg") found.push_back(entry.path());
    return found;
}

class Reference : public testing::Test {
protected:
    void SetUp() override {
        if (!fs::exists(reference() / "golden")) GTEST_SKIP() << "there is no " << reference();
    }
};

TEST_F(Reference, agrees_on_every_file) {
    const fs::path program = fs::path(XENKILN_BINARY_DIR) / "xenkiln";
    if (!fs::exists(program)) GTEST_SKIP() << program << " is not built";
    for (const std::string& set : {std::string("edge"), std::string("corpus")}) {
        const fs::path top = reference();
        const std::string command = "python3 '" + (top / "ksdiff.py").string() + "' '" + (top / set).string() +
                                    "' --golden '" + (top / "golden" / set).string() +
                                    "' --strict-errors --warnings --timeout 60 --cmd '" + program.string() +
                                    " kickstart parse --json --ks-version {version} {file}'";
        EXPECT_EQ(std::system(command.c_str()), 0) << command;
    }
}

TEST_F(Reference, renders_every_file_to_text_that_reads_the_same) {
    int compared = 0;
    for (const char* set : {"corpus", "edge"})
        for (const fs::path& path : kickstarts(reference() / set)) {
            const auto first = kickstart::parse(content(path));
            if (!first.ok()) continue;
            const auto second = kickstart::parse(render(first.recipe));
            EXPECT_TRUE(second.ok()) << path;
            EXPECT_EQ(essence(first.recipe), essence(second.recipe)) << path;
            ++compared;
        }
    EXPECT_GT(compared, 400);
}

TEST_F(Reference, follows_the_includes_of_the_trees) {
    const fs::path top = reference() / "trees";
    const kickstart::FolderBundle bundle(top.string());
    int resolved = 0, unresolved = 0;
    for (const fs::path& path : kickstarts(top)) {
        kickstart::ParseOptions options{"F40"};
        options.bundle = &bundle;
        options.file = fs::relative(path, top).string();
        const auto result = kickstart::parse(content(path), options);
        const auto missing = std::find_if(result.diagnostics.begin(), result.diagnostics.end(),
                                          [](const auto& d) { return d.kind == "include"; });
        ++(missing == result.diagnostics.end() ? resolved : unresolved);
        if (missing != result.diagnostics.end()) {
            EXPECT_THAT(missing->message,
                        testing::ContainsRegex("there is no file .* in the bundle; .* includes it in line"));
        }
    }
    EXPECT_EQ(resolved, 88);
    EXPECT_EQ(unresolved, 22);
}

TEST_F(Reference, corpus_is_linted_quickly) {
    const auto begin = std::chrono::steady_clock::now();
    std::size_t findings = 0, files = 0;
    for (const fs::path& path : kickstarts(reference() / "corpus")) {
        findings += kickstart::lint(content(path), path.filename().string()).findings.size();
        ++files;
    }
    const auto taken = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(files, 451U);
    EXPECT_GT(findings, files);
    // Half a second in a release build on a quiet machine; sanitizers and neighbours cost the rest.
    EXPECT_LT(taken, std::chrono::seconds(60));
    RecordProperty("milliseconds",
                   static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()));
}

}  // namespace
