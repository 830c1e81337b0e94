// SPDX-License-Identifier: Apache-2.0
// What can be planned and what is refused, and why: the recipes of tests/data/kickstart/plan, one for each rule, and
// the counts on real kickstarts when the reference folder is there ($XENKILN_SHARED, else `shared` beside the project).
// Comments in a recipe say what is expected:
//   #plan ok RELEASE            it is planned for this release
//   #plan error LINE: TEXT      it is refused so; these and no others
//   #plan with RELEASE: ok | error LINE: TEXT     the same when the release is given
//   #plan note LINE: TEXT       #plan source TEXT      #plan disk N MiB
//   #plan build refused: TEXT   forbidden() says so
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include "builders/plan/build_plan.hpp"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

builders::PlanResult plan_of(const fs::path& file, const std::string& distribution = {}) {
    kickstart::ParseOptions how;
    how.file = file.filename();
    builders::BuildOptions request;
    if (!distribution.empty()) request.distribution = distribution;
    builders::PlannedRecipe all = plan_recipe(content(file), request, "20261121", how);
    if (!all.read.ok()) all.planned.errors.clear();
    all.planned.errors = all.errors();
    return all.planned;
}

std::string told(const builders::PlanResult& result) {
    if (result.ok()) return "ok " + result.plan.distribution.id;
    std::string text;
    for (const auto& error : result.errors)
        text += (text.empty() ? "" : "\n") + std::string("error ") + std::to_string(error.line) + ": " + error.message;
    return text;
}

// "error 3: part of the message": each has its own among the errors.
bool is_refused_so(const builders::PlanResult& result, const std::string& expected) {
    const std::size_t colon = expected.find(": ");
    for (const auto& error : result.errors)
        if ("error " + std::to_string(error.line) == expected.substr(0, colon) &&
            error.message.find(expected.substr(colon + 2)) != std::string::npos)
            return true;
    return false;
}

bool has_note(const builders::BuildPlan& plan, const std::string& expected) {
    for (const builders::Note& note : plan.notes)
        if (note.line == std::atoi(expected.c_str()) &&
            note.message.find(expected.substr(expected.find(": ") + 2)) != std::string::npos)
            return true;
    return false;
}

void expect(const fs::path& file, const std::string& rule, std::size_t& errors) {
    const builders::PlanResult result = plan_of(file);
    if (rule.starts_with("ok ")) {
        EXPECT_EQ(told(result), rule);
    } else if (rule.starts_with("error ")) {
        ++errors;
        EXPECT_TRUE(is_refused_so(result, rule)) << rule << "\n" << told(result);
    } else if (rule.starts_with("with ")) {
        const std::size_t colon = rule.find(": ");
        const std::string release = rule.substr(5, colon - 5), wanted = rule.substr(colon + 2);
        const builders::PlanResult other = plan_of(file, release);
        if (wanted == "ok")
            EXPECT_EQ(told(other), "ok " + release);
        else
            EXPECT_TRUE(is_refused_so(other, wanted)) << rule << "\n" << told(other);
    } else if (rule.starts_with("note ")) {
        EXPECT_TRUE(has_note(result.plan, rule.substr(5))) << rule << "\n" << to_json(result.plan);
    } else if (rule.starts_with("source ")) {
        EXPECT_THAT(result.plan.sources, testing::Contains(rule.substr(7)));
    } else if (rule.starts_with("disk ")) {
        ASSERT_EQ(result.plan.storage.disks.size(), 1U);
        EXPECT_EQ(std::to_string(result.plan.storage.disks[0].size >> 20) + " MiB", rule.substr(5));
    } else if (rule.starts_with("build refused: ")) {
        const auto why = forbidden(result.plan, builders::BuildHost{});
        ASSERT_TRUE(why);
        EXPECT_THAT(why->message, HasSubstr(rule.substr(15)));
    } else {
        ADD_FAILURE() << "no such rule: " << rule;
    }
}

TEST(PlanRecipes, are_planned_or_refused_as_they_say) {
    int seen = 0;
    for (const auto& entry : fs::directory_iterator(XENKILN_SOURCE_DIR "/tests/data/kickstart/plan")) {
        SCOPED_TRACE(entry.path().filename());
        std::istringstream lines(content(entry.path()));
        std::size_t errors = 0;
        int rules = 0;
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("#plan ")) {
                ++rules;
                expect(entry.path(), line.substr(6), errors);
            }
        EXPECT_GT(rules, 0);
        const builders::PlanResult result = plan_of(entry.path());
        EXPECT_EQ(result.errors.size(), errors) << told(result);
        ++seen;
    }
    EXPECT_GE(seen, 28);
}

// Every release of the data files is complete enough to be planned, and says where its keys come from.
TEST(PlanRecipes, every_release_can_be_planned_and_names_the_source_of_its_keys) {
    for (const builders::Distribution& release : builders::distributions()) {
        SCOPED_TRACE(release.id);
        builders::BuildOptions request;
        request.distribution = release.id;
        const std::string recipe =
            "lang de_DE.UTF-8\nkeyboard de\ntimezone Europe/Berlin --utc\nnetwork --bootproto=dhcp\nnetwork "
            "--bootproto=static --ip=192.0.2.9 --netmask=255.255.255.0\nfirewall --enabled --ssh\nrootpw --lock\n"
            "services --enabled=sshd\nautopart\n%packages\n%end\n";
        EXPECT_EQ(told(plan_build(kickstart::parse(recipe).recipe, request, "20261121")), "ok " + release.id);
        EXPECT_FALSE(release.keys.empty());
        EXPECT_TRUE(release.family == "debian" || !release.repositories.empty());
        EXPECT_EQ(release.title.find('{'), std::string::npos);
    }
}

TEST(PlanRecipes, one_address_never_names_two_releases) {
    for (const builders::Distribution& one : builders::distributions())
        for (const builders::Distribution& other : builders::distributions())
            for (const std::string& part : one.addresses)
                if (&one != &other) {
                    EXPECT_THAT(other.addresses, testing::Not(testing::Contains(part))) << one.id << " " << other.id;
                }
}

TEST(PlanRecipes, a_plan_never_holds_a_password) {
    const std::string recipe =
        "#xenkiln: distribution=centos-6\nrootpw Kiln7glaze\nuser --name=ada --password=Kiln8glaze\n"
        "bootloader --password=Kiln9glaze\nautopart\n";
    const auto planned = builders::plan_build(kickstart::parse(recipe).recipe, {}, "20261121");
    ASSERT_TRUE(planned.ok()) << told(planned);
    EXPECT_EQ(builders::to_json(planned.plan).find("glaze"), std::string::npos);
}

TEST(PlanRecipes, what_no_machine_has_is_refused_before_it_costs_anything) {
    const auto many = [](int count, const std::function<std::string(const std::string&)>& line) {
        std::string recipe = "#xenkiln: distribution=centos-7\n";
        for (int i = 0; i < count; ++i) recipe += line(std::to_string(i)) + "\n";
        return builders::plan_build(kickstart::parse(recipe).recipe, {}, "20261121");
    };
    EXPECT_EQ(told(many(201, [](const auto& n) { return "part /d" + n + " --size=1"; })),
              "error 202: part: is used 201 times; at most 200 are planned");
    EXPECT_EQ(told(many(2001, [](const auto& n) { return "user --name=u" + n; })),
              "error 2002: user: is used 2001 times; at most 2000 are planned");
    EXPECT_TRUE(many(2000, [](const auto& n) { return "user --name=u" + n; }).ok());
}

// The releases an administrator would give: the one that the reference's level stands for, or the level it reads best
// at.
std::vector<std::string> given(const std::string& level, const std::string& text) {
    if (text.find("com/ubuntu") != std::string::npos || text.find("/ubuntu\n") != std::string::npos)
        return {"ubuntu-22.04"};
    if (text.find("repo=fedora-$releasever") != std::string::npos) return {"fedora-42"};
    std::vector<std::string> releases;
    for (const std::string& wanted : {level, kickstart::parse(text).recipe.version})
        for (const builders::Distribution& one : builders::distributions())
            for (const std::string& version : one.versions)
                if (version == wanted) releases.push_back(one.id);
    return releases;
}

TEST(PlanRecipes, of_the_reference_corpus_most_are_planned) {
    const char* shared = std::getenv("XENKILN_SHARED");
    const fs::path corpus = fs::path(shared ? shared : XENKILN_SOURCE_DIR "/../shared") / "kickstart/corpus";
    if (!fs::exists(corpus / "manifest.json")) GTEST_SKIP() << "there is no " << corpus;
    int by_default = 0, with_release = 0, refused = 0;
    const boost::json::value manifest = boost::json::parse(content(corpus / "manifest.json"));
    for (const boost::json::value& one : manifest.as_array()) {
        const fs::path file = corpus / boost::json::value_to<std::string>(one.at("file"));
        const auto result = plan_of(file);
        by_default += result.ok();
        bool planned = result.ok();
        for (const std::string& release :
             given(boost::json::value_to<std::string>(one.at("ks_version")), content(file)))
            planned = planned || plan_of(file, release).ok();
        ++(planned ? with_release : refused);
        for (const auto& error : result.errors) EXPECT_FALSE(error.message.empty()) << file;
    }
    std::cout << by_default << " planned as they are, " << with_release << " with a release given, " << refused
              << " refused\n";
    EXPECT_GE(by_default, 170);
    EXPECT_GE(with_release, 230);
}

}  // namespace
