// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/plan_json.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using builders::BuildPlan;
using builders::plan_from_json;
using testing::HasSubstr;

constexpr const char* date = "20261121";

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string identity_of(const BuildPlan& plan) {
    return identity(plan, std::as_bytes(std::span("key")));
}

void expect_the_same_back(const BuildPlan& plan) {
    const std::string text = private_json(plan);
    const BuildPlan back = plan_from_json(text);
    EXPECT_EQ(private_json(back), text);
    EXPECT_EQ(to_json(back), to_json(plan));
    EXPECT_EQ(identity_of(back), identity_of(plan));
    EXPECT_EQ(back.distribution.kernel, plan.distribution.kernel);
}

// Every member has a value that is not its default.
BuildPlan full_plan() {
    builders::BuildOptions options;
    for (const auto& [key, value] :
         {std::pair{"outputs", "xva.xz:3,xva.zst,xva"}, {"checksum", "xxhash"}, {"network", "open"}, {"mode", "hvm"}})
        EXPECT_FALSE(set_option(options, key, value));
    BuildPlan plan =
        plan_recipe(read(fs::path(XENKILN_SOURCE_DIR) / "recipes/debian-12-pvhvm.ks"), options, date).planned.plan;
    plan.distribution_guessed = true;
    plan.hardware.firmware = formats::Firmware::uefi;
    plan.hardware.secure_boot = plan.hardware.is_template = true;
    plan.hardware.pv_args = "quiet";
    plan.excluded_packages = {"a"};
    plan.package_options = {"tsflags=nodocs"};
    plan.modules = {"nodejs:18"};
    plan.sources = {"deb http://me:secret@host/ x main"};
    plan.default_sources = plan.bootloader = false;
    plan.exclude_docs = true;
    plan.loader_password = kickstart::Password{"grub secret", true};
    plan.timeout = -1;
    plan.commands = {{"a", "b c", ""}, {}};
    plan.groups = {{4, "crew", 1500}, {5, "other", std::nullopt}};
    plan.users = {
        {"bob", "Bob", "/srv/bob", "/bin/sh", {"crew"}, kickstart::Password{"pass\nword", false}, true, 1, 2, {"k"}}};
    plan.root_password = kickstart::Password{"root \"secret\"", false};
    plan.root_ssh_keys = {"ssh-ed25519 AAAA"};
    plan.pre_scripts = {{7, true, "/bin/sh", "/log", "echo \xc3\xa4", true}};
    plan.scripts = {{9, false, "/bin/bash", "", "exit 0", false}};
    plan.files.push_back({"/x", "y", 0600, 3, 4, builders::TreeFile::Kind::symlink});
    plan.storage.layout = builders::Layout::hybrid;
    plan.storage.groups = {{"vg", 8 << 20, {"/dev/sda2"}, {{"root", 1 << 30, {"/", "ext4", "l", "u", "noatime"}}}}};
    plan.storage.disks[0].partitions[0].active = true;
    plan.storage.disks[0].partitions[0].physical_volume = "pv.01";
    plan.storage.disks[0].whole = {"/", "xfs", "whole", "uuid", "ro"};
    plan.unsafe = {{3, "a well-known password"}};
    plan.notes = {{0, "a note"}};
    return plan;
}

TEST(PlanJson, of_every_golden_recipe_is_the_same_plan_again) {
    int seen = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(XENKILN_SOURCE_DIR) / "tests/data/plans")) {
        if (entry.path().extension() != ".ks") continue;
        SCOPED_TRACE(entry.path().filename().string());
        const auto result = builders::plan_recipe(read(entry.path()), {}, date);
        ASSERT_TRUE(result.errors().empty());
        expect_the_same_back(result.planned.plan);
        ++seen;
    }
    EXPECT_GE(seen, 3);
}

TEST(PlanJson, keeps_every_member_secrets_too) {
    const BuildPlan plan = full_plan();
    expect_the_same_back(plan);
    const BuildPlan back = plan_from_json(private_json(plan));
    EXPECT_EQ(back.root_password->value, "root \"secret\"");
    EXPECT_TRUE(back.loader_password->crypted);
    EXPECT_EQ(back.groups[1].gid, std::nullopt);
    EXPECT_EQ(back.unsafe[0].message, "a well-known password");
    EXPECT_EQ(back.files.back().kind, builders::TreeFile::Kind::symlink);
    EXPECT_EQ(back.outputs[0].level, 3);
    EXPECT_EQ(back.storage.disks[0].partitions[0].physical_volume, "pv.01");
    // What a reader that forgot a member would give back.
    const BuildPlan empty;
    const json::value mine = json::parse(private_json(plan)), nothing = json::parse(private_json(empty));
    for (const auto& [name, value] : mine.as_object())
        EXPECT_NE(value, nothing.at(name)) << name << ": the test has its default";
}

TEST(PlanJson, that_is_damaged_is_refused_with_the_member_that_is_wrong) {
    struct Damage {
        const char* what;
        std::function<void(json::object&)> done;
        const char* says;
    };
    const std::vector<Damage> all{
        {"a member is missing", [](auto& p) { p.erase("timeout"); }, "timeout: is missing"},
        {"a member more", [](auto& p) { p["more"] = 1; }, "has 34 members, not 33"},
        {"text for a list", [](auto& p) { p["packages"] = "all"; }, "packages: is not a list"},
        {"a number for text", [](auto& p) { p["title"] = 7; }, "title: is not text"},
        {"text for a number", [](auto& p) { p["timeout"] = "5"; }, "timeout: is not a whole number"},
        {"a fraction", [](auto& p) { p["timeout"] = 1.5; }, "timeout: is not a whole number"},
        {"a negative size", [](auto& p) { p.at("storage").at("disks").at(0).as_object()["size"] = -1; },
         "storage.disks[0].size: is not a whole number"},
        {"a number beyond its range", [](auto& p) { p.at("hardware").as_object()["vcpus"] = 1LL << 40; },
         "hardware.vcpus: is not a whole number"},
        {"an enumeration's number", [](auto& p) { p["network"] = 3; }, "network: 3 is not known"},
        {"no flag", [](auto& p) { p["bootloader"] = 1; }, "bootloader: is neither"},
        {"a list for a structure", [](auto& p) { p["hardware"] = json::array(); }, "hardware: is not an object"},
        {"a distribution", [](auto& p) { p["distribution"] = "debian-99"; }, "distribution: 'debian-99'"},
        {"a format", [](auto& p) { p.at("outputs").at(0).as_object()["name"] = "vmdk"; }, "outputs[0]: 'vmdk'"},
        {"a level", [](auto& p) { p.at("outputs").at(0).as_object()["level"] = 10; },
         "outputs[0]: xva.xz has no level 10"},
        {"a password", [](auto& p) { p["root_password"] = "set"; }, "root_password: is not an object"}};
    const std::string text = private_json(full_plan());
    for (const Damage& damage : all) {
        json::value plan = json::parse(text);
        damage.done(plan.as_object());
        try {
            plan_from_json(json::serialize(plan));
            ADD_FAILURE() << damage.what << " was taken";
        } catch (const std::runtime_error& error) {
            EXPECT_THAT(error.what(), testing::StartsWith("the plan: ")) << damage.what;
            EXPECT_THAT(error.what(), HasSubstr(damage.says)) << damage.what;
        }
    }
    for (const std::string& other : {std::string(), std::string("[]"), text.substr(0, text.size() / 2), text + "}"})
        EXPECT_THROW(plan_from_json(other), std::runtime_error);
}

}  // namespace
