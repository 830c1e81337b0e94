// SPDX-License-Identifier: Apache-2.0
// Golden plans: every tests/data/plans/*.ks with its .json beside it, as canonical JSON, indented. With
// XENKILN_UPDATE_GOLDEN=1 they are written anew: read the difference before you commit it.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "builders/plan/build_plan.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::Contains;
using testing::HasSubstr;

const fs::path plans = fs::path(XENKILN_SOURCE_DIR) / "tests/data/plans";
constexpr const char* date = "20261121";

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

void indent(const json::value& value, const std::string& margin, std::string& to) {
    const auto each = [&](const auto& list, const char* ends, const auto& one) {
        if (list.empty()) return void(to += ends);
        to += ends[0];
        const char* separator = "\n";
        for (const auto& item : list) {
            to += separator + margin + "  ";
            one(item);
            separator = ",\n";
        }
        to += "\n" + margin + ends[1];
    };
    if (const auto* object = value.if_object())
        each(*object, "{}", [&](const auto& pair) {
            to += json::serialize(json::value(pair.key())) + ": ";
            indent(pair.value(), margin + "  ", to);
        });
    else if (const auto* array = value.if_array())
        each(*array, "[]", [&](const json::value& one) { indent(one, margin + "  ", to); });
    else
        to += json::serialize(value);
}

std::string readable(const builders::BuildPlan& plan) {
    std::string text;
    indent(json::parse(to_json(plan)), "", text);
    return text + "\n";
}

builders::PlanResult plan_of(const std::string& recipe, const builders::BuildOptions& request = {}) {
    const auto parsed = kickstart::parse(recipe);
    EXPECT_TRUE(parsed.ok()) << (parsed.diagnostics.empty() ? "" : parsed.diagnostics.front().message);
    return plan_build(parsed.recipe, request, date);
}

// A recipe that plans, with these lines added.
std::string with(const std::string& lines) {
    return "#xenkiln: distribution=debian-12\npart / --fstype=ext4 --size=1024 --grow\n" + lines +
           "\n%packages\n%end\n";
}

std::vector<std::string> errors_of(const std::string& recipe) {
    std::vector<std::string> errors;
    for (const auto& error : plan_of(recipe).errors)
        errors.push_back(std::to_string(error.line) + ": " + error.message);
    return errors;
}

TEST(Plan, is_as_its_golden_file_says) {
    int seen = 0;
    for (const auto& entry : fs::directory_iterator(plans)) {
        if (entry.path().extension() != ".ks") continue;
        SCOPED_TRACE(entry.path().filename().string());
        ++seen;
        const auto result = plan_of(read(entry.path()));
        ASSERT_TRUE(result.ok()) << result.errors.front().line << ": " << result.errors.front().message;
        fs::path golden = entry.path();
        golden.replace_extension(".json");
        if (std::getenv("XENKILN_UPDATE_GOLDEN")) std::ofstream(golden, std::ios::binary) << readable(result.plan);
        EXPECT_EQ(readable(result.plan), read(golden));
    }
    EXPECT_GE(seen, 3);
}

TEST(Plan, of_the_shipped_recipe_does_all_of_it) {
    builders::BuildOptions request;
    ASSERT_FALSE(set_option(request, "ssh-key",
                            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleUtleUtleUtleUtleUtleUtleUtleUtleUtl a"));
    const auto result = plan_of(read(fs::path(XENKILN_SOURCE_DIR) / "recipes/debian-12-pvhvm.ks"), request);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result.plan.release_name, "debian-12-20261121-pvhvm");
    ASSERT_EQ(result.plan.notes.size(), 1U);
    EXPECT_THAT(result.plan.notes[0].message, HasSubstr("poweroff"));
}

TEST(Plan, of_the_same_words_is_the_same_to_the_last_uuid) {
    EXPECT_EQ(to_json(plan_of(with("lang C.UTF-8")).plan), to_json(plan_of(with("lang C.UTF-8")).plan));
    EXPECT_NE(plan_of(with("lang C.UTF-8")).plan.storage.disks[0].partitions[0].file_system.uuid,
              plan_of(with("lang en_US.UTF-8")).plan.storage.disks[0].partitions[0].file_system.uuid);
}

TEST(Plan, holds_no_password) {
    const auto result = plan_of(with("rootpw Schatz17\nuser --name=eve --password=Geheim18"));
    ASSERT_TRUE(result.ok());
    EXPECT_THAT(to_json(result.plan), Not(HasSubstr("Schatz17")));
    EXPECT_THAT(to_json(result.plan), Not(HasSubstr("Geheim18")));
    ASSERT_TRUE(result.plan.root_password);
}

TEST(Plan, a_request_beats_the_recipe) {
    builders::BuildOptions request;
    ASSERT_FALSE(set_option(request, "memory", "1GiB"));
    const auto result = plan_of("#xenkiln: memory=4GiB vcpus=7\n" + with(""), request);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result.plan.hardware.memory_bytes, std::uint64_t{1} << 30);
    EXPECT_EQ(result.plan.hardware.vcpus, 7U);
}

TEST(Plan, a_recipe_is_read_as_the_installer_of_its_release_does_when_its_own_level_does_not_fit) {
    const std::string rest = "install\nrootpw x\nautopart\n%packages\n%end\n", named = "#version=RHEL9\n" + rest;
    EXPECT_FALSE(builders::plan_recipe(named, {}, date).read.ok());
    EXPECT_THAT(builders::plan_recipe(named, {}, date).errors(), testing::Not(testing::IsEmpty()));
    for (const bool by_request : {true, false}) {
        builders::BuildOptions request;
        if (by_request) ASSERT_FALSE(set_option(request, "distribution", "centos-7"));
        const auto result =
            plan_recipe(by_request ? named : "#xenkiln: distribution=centos-7\n" + named, request, date);
        EXPECT_TRUE(result.read.ok()) << by_request;
        EXPECT_EQ(result.read.recipe.version, "RHEL7") << by_request;
        EXPECT_EQ(result.planned.plan.distribution.id, "centos-7") << by_request;
    }
    builders::BuildOptions other;
    ASSERT_FALSE(set_option(other, "distribution", "almalinux-9"));
    EXPECT_FALSE(plan_recipe("#xenkiln: distribution=centos-7\n" + named, other, date).read.ok());
}

std::vector<std::string> outputs_of(const std::string& value) {
    const auto result = plan_of("#xenkiln: outputs=" + value + "\n" + with(""));
    EXPECT_TRUE(result.ok()) << value;
    std::vector<std::string> names;
    for (const formats::OutputKind& kind : result.plan.outputs)
        names.push_back(output_name(kind) + (kind.level ? ":" + std::to_string(*kind.level) : ""));
    return names;
}

TEST(Plan, outputs_are_every_kind_that_a_conversion_writes) {
    EXPECT_THAT(plan_of(with("")).plan.outputs, testing::SizeIs(1));
    EXPECT_EQ(output_name(plan_of(with("")).plan.outputs[0]), "xva.xz");
    EXPECT_THAT(outputs_of("xva,vhd,vhd-fixed,raw,qcow2,qcow2-zlib,qcow2-zstd"),
                testing::ElementsAre("xva", "vhd", "vhd-fixed", "raw", "qcow2", "qcow2-zlib", "qcow2-zstd"));
    EXPECT_THAT(outputs_of("xva.xz:0,vhd.gz:9,raw.zst:19,vhd-fixed.zstd,qcow2.gzip,raw.xz"),
                testing::ElementsAre("xva.xz:0", "vhd.gz:9", "raw.zst:19", "vhd-fixed.zst", "qcow2.gz", "raw.xz"));
}

TEST(Plan, an_output_that_is_none_is_told_with_what_would_be_right) {
    struct Wrong {
        const char *outputs, *message;
    };
    for (const auto& [outputs, message] :
         {Wrong{"vmdk", "'vmdk' is not a format; xva, vhd, vhd-fixed, raw, qcow2, qcow2-zlib and qcow2-zstd are"},
          Wrong{"ova.xz", "'ova' is not a format"}, Wrong{"xva.bz2", "'bz2' is not a compression; xz, gz and zst are"},
          Wrong{"xva.none", "'none' is not a compression"}, Wrong{"xva.", "'' is not a compression"},
          Wrong{"xva.xz.gz", "'xz.gz' is not a compression"}, Wrong{"xva:3", "'xva:3' takes no level"},
          Wrong{"qcow2-zlib:3", "'qcow2-zlib:3' takes no level"},
          Wrong{"qcow2-zstd.xz", "the clusters of qcow2-zstd are compressed already"},
          Wrong{"raw.xz:10", "xz has levels 0 to 9, not 10"}, Wrong{"vhd.zst:0", "zstd has levels 1 to 19, not 0"},
          Wrong{"vhd.gz:", "has no number after the colon"}, Wrong{"vhd.gz:x", "has no number after the colon"},
          Wrong{"vhd.gz:99999999999", "gzip has levels 1 to 9, not 99999999999"},
          Wrong{"vhd-fixed-fixed", "is not a format"}, Wrong{"raw.zst:1,raw.zstd:2", "raw.zst is named twice"},
          Wrong{"xva,,vhd", "'' is not a format"}, Wrong{",", "'' is not a format"}, Wrong{"", "names nothing"}}) {
        builders::BuildOptions options;
        const auto wrong = set_option(options, "outputs", outputs);
        ASSERT_TRUE(wrong) << outputs;
        EXPECT_THAT(*wrong, testing::StartsWith("outputs: ")) << outputs;
        EXPECT_THAT(*wrong, HasSubstr(message)) << outputs;
        EXPECT_TRUE(options.outputs.empty()) << outputs;
    }
}

TEST(Plan, a_format_of_one_disk_is_refused_for_a_recipe_of_two) {
    const std::string two =
        "part / --fstype=ext4 --size=1024 --grow --ondisk=xvda\n"
        "part /srv --fstype=ext4 --size=512 --ondisk=xvdb\n%packages\n%end\n";
    const auto asked = [&](const std::string& outputs) {
        return errors_of("#xenkiln: distribution=debian-12\n#xenkiln: outputs=" + outputs + "\n" + two);
    };
    EXPECT_THAT(asked("xva,xva.zst"), testing::IsEmpty());
    EXPECT_THAT(
        asked("xva,vhd,raw.zst"),
        testing::ElementsAre("2: outputs: the recipe has 2 disks, vhd holds one; an xva holds all of them",
                             "2: outputs: the recipe has 2 disks, raw.zst holds one; an xva holds all of them"));
    builders::BuildOptions request;
    ASSERT_FALSE(set_option(request, "outputs", "qcow2"));
    const auto result = plan_of("#xenkiln: distribution=debian-12 outputs=xva\n" + two, request);
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_EQ(result.errors[0].line, 0);
}

TEST(Plan, partitions_are_aligned_do_not_overlap_and_fill_the_disk) {
    for (const char* sizes : {"--size=1", "--size=511 --grow", "--size=100 --grow --maxsize=333"}) {
        SCOPED_TRACE(sizes);
        const auto result =
            plan_of("#xenkiln: distribution=debian-12 disk=4097MiB\npart /boot --size=256\npart /var " +
                    std::string(sizes) + "\npart swap --size=64\npart / --size=1024 --grow\n%packages\n%end\n");
        ASSERT_TRUE(result.ok()) << result.errors.front().message;
        const auto& disk = result.plan.storage.disks[0];
        EXPECT_EQ(disk.size, std::uint64_t{4098} << 20);  // padded, never cut
        std::uint64_t end = 1 << 20;
        for (const auto& part : disk.partitions) {
            EXPECT_EQ(part.offset, end);
            EXPECT_EQ(part.size % (1 << 20), 0U);
            end = part.offset + part.size;
        }
        EXPECT_EQ(end, disk.size);
    }
}

const builders::PartitionPlan* partition_of(const builders::DiskPlan& disk, builders::PartitionKind kind) {
    for (const auto& part : disk.partitions)
        if (part.kind == kind) return &part;
    return nullptr;
}

TEST(Plan, layouts_get_what_their_firmware_needs) {
    using builders::Layout;
    using builders::PartitionKind;
    struct Case {
        const char *options, *lines;
        Layout layout;
        bool bios_boot, efi;
    };
    for (const Case& c :
         {Case{"", "", Layout::mbr, false, false}, Case{"layout=gpt", "", Layout::gpt, true, false},
          Case{"layout=uefi", "", Layout::uefi, false, true}, Case{"layout=hybrid", "", Layout::hybrid, true, true},
          Case{"", "clearpart --all --disklabel=gpt", Layout::gpt, true, false},
          Case{"", "part /boot/efi --fstype=efi --size=200", Layout::uefi, false, true},
          Case{"", "part biosboot --fstype=biosboot --size=1", Layout::gpt, true, false},
          Case{"", "part biosboot --size=1\npart /boot/efi --size=100", Layout::hybrid, true, true},
          Case{"", "part /a --size=1\npart /b --size=1\npart /c --size=1\npart /d --size=1", Layout::gpt, true,
               false}}) {
        SCOPED_TRACE(std::string(c.options) + " " + c.lines);
        const auto result = plan_of("#xenkiln: " + std::string(c.options) + "\n" + with(c.lines));
        ASSERT_TRUE(result.ok()) << result.errors.front().message;
        const auto& storage = result.plan.storage;
        EXPECT_EQ(storage.layout, c.layout);
        EXPECT_EQ(partition_of(storage.disks[0], PartitionKind::bios_boot) != nullptr, c.bios_boot);
        EXPECT_EQ(partition_of(storage.disks[0], PartitionKind::efi_system) != nullptr, c.efi);
        EXPECT_EQ(storage.disks[0].table, c.layout == Layout::mbr ? "mbr" : "gpt");
        const auto& last = storage.disks[0].partitions.back();
        EXPECT_LE(last.offset + last.size, storage.disks[0].size - (c.layout == Layout::mbr ? 0 : 1 << 20));
        EXPECT_EQ(result.plan.hardware.firmware,
                  c.layout == Layout::uefi ? formats::Firmware::uefi : formats::Firmware::bios);
    }
}

TEST(Plan, logical_volumes_fill_their_group_in_whole_extents) {
    const auto result = plan_of(
        "#xenkiln: distribution=debian-12 disk=10GiB\npart /boot --size=500\npart pv.01 --size=100 --grow\n"
        "volgroup vg0 pv.01 --pesize=8192\nlogvol / --vgname=vg0 --name=root --size=2001 --grow\n"
        "logvol /var --vgname=vg0 --name=var --percent=20\nlogvol swap --vgname=vg0 --name=swap "
        "--size=512\n%packages\n%end\n");
    ASSERT_TRUE(result.ok()) << result.errors.front().message;
    const auto& group = result.plan.storage.groups.at(0);
    EXPECT_EQ(group.physical_volumes, std::vector<std::string>{"/dev/sda2"});
    std::uint64_t sum = 0;
    for (const auto& volume : group.volumes) {
        EXPECT_EQ(volume.size % (8 << 20), 0U);
        sum += volume.size;
    }
    const std::uint64_t room = (result.plan.storage.disks[0].partitions[1].size - (1 << 20)) / (8 << 20) * (8 << 20);
    EXPECT_EQ(sum, room);
    EXPECT_THAT(result.plan.packages, Contains("lvm2"));
}

TEST(Plan, several_disks_keep_their_order_with_the_boot_disk_first) {
    const auto result = plan_of(
        "#xenkiln: distribution=debian-12 disk=4GiB,2GiB\npart /srv --size=100 --grow --ondisk=sdb\n"
        "part / --size=1024 --ondisk=/dev/sda\n%packages\n%end\n");
    ASSERT_TRUE(result.ok()) << result.errors.front().message;
    ASSERT_EQ(result.plan.storage.disks.size(), 2U);
    EXPECT_EQ(result.plan.storage.disks[0].size, std::uint64_t{4} << 30);
    EXPECT_EQ(result.plan.storage.disks[0].partitions[0].file_system.mount_point, "/");
    EXPECT_EQ(result.plan.storage.disks[1].partitions[0].file_system.mount_point, "/srv");
    EXPECT_THAT(errors_of("#xenkiln: distribution=debian-12 disk=4GiB,2GiB\npart / --size=1024\n%packages\n%end\n"),
                Contains(HasSubstr("disk: 2 sizes are given, the recipe uses 1 disk")));
}

TEST(Plan, scripts_outside_the_image_need_the_operators_word) {
    const auto result = plan_of(with("") + "%pre\necho\n%end\n");
    ASSERT_TRUE(result.ok());
    builders::BuildHost host;
    ASSERT_TRUE(forbidden(result.plan, host));
    EXPECT_THAT(forbidden(result.plan, host)->message, HasSubstr("--allow-host-scripts"));
    host.host_scripts = true;
    EXPECT_FALSE(forbidden(result.plan, host));
}

TEST(Plan, names_what_it_cannot_do_with_its_line_before_anything_is_downloaded) {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"raid / --device=0 --level=1 raid.01", "3: raid"},
        {"part /home --encrypted --passphrase=x --size=10", "3: part /home: --encrypted"},
        {"part /home --fstype=btrfs --size=10", "3: part /home: file system 'btrfs'"},
        {"part /home --size=0", "3: part /home: needs --size"},
        {"part / --size=5", "3: part /: is defined twice"},
        {"clearpart --all --disklabel=msdos\npart /a --size=1\npart /b --size=1\npart /c --size=1\npart /d --size=1",
         "7: part: 5 partitions"},
        {"part pv.01 --size=100", "3: part pv.01: no volgroup uses it"},
        {"volgroup vg pv.01", "3: volgroup vg: there is no part pv.01"},
        {"part pv.01 --size=100\nvolgroup vg pv.01\nlogvol /x --vgname=other --name=x --size=10",
         "5: logvol /x: there is no volgroup 'other'"},
        {"part pv.01 --size=100\nvolgroup vg pv.01\nlogvol /x --vgname=vg --name=x --size=1000",
         "5: volgroup vg: the logical volumes need 1000 MiB, the group has 96 MiB"},
        {"part /boot/efi --fstype=ext4 --size=100", "3: part /boot/efi: an EFI system partition has --fstype=efi"},
        {"part /home --size=10 --label=much-too-long-for-it", "3: part /home: --label"},
        {"network --bootproto=static --ip=1.2.3 --netmask=255.0.0.0", "3: network --bootproto=static: needs --ip"},
        {"network --bootproto=static --ip=1.2.3.4 --netmask=255.0.255.0", "3: network --bootproto=static: needs --ip"},
        {"network --bootproto=ibft", "3: network --bootproto=ibft"},
        {"part /home --size=9000\n#xenkiln: disk=8GiB",
         "3: part: the partitions need 10025 MiB, the disk has 8192 MiB"},
        {"firewall --service=gopher", "3: firewall --service=gopher"},
        {"firewall --port=ssh:tcp", "3: firewall --port=ssh:tcp"},
        {"firewall --port=70000:tcp", "3: firewall --port=70000:tcp"},
    };
    for (const auto& [line, message] : wrong) {
        SCOPED_TRACE(line);
        EXPECT_THAT(errors_of(with(line)), Contains(HasSubstr(message)));
    }
    EXPECT_THAT(errors_of("%packages\n%end\n"), Contains(HasSubstr("distribution: the recipe does not say")));
    EXPECT_THAT(errors_of("#xenkiln: distribution=beos-5\npart / --size=1024\n%packages\n%end\n"),
                Contains(HasSubstr("debian-12")));
    EXPECT_THAT(errors_of("#xenkiln: distribution=debian-12 memory=much\npart / --size=1024\n%packages\n%end\n"),
                Contains(HasSubstr("1: #xenkiln: memory: 'much'")));
}

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(PlanIdentity, differs_in_a_password_and_the_plan_for_everybody_does_not) {
    const auto one = plan_of(with("rootpw --plaintext first1")), other = plan_of(with("rootpw --plaintext second2"));
    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_EQ(to_json(one.plan), to_json(other.plan));
    EXPECT_NE(identity(one.plan, bytes("key")), identity(other.plan, bytes("key")));
    EXPECT_NE(identity(one.plan, bytes("key")), identity(one.plan, bytes("other key")));
    EXPECT_EQ(identity(one.plan, bytes("key")),
              identity(plan_of(with("rootpw --plaintext first1")).plan, bytes("key")));
    EXPECT_EQ(identity(one.plan, bytes("key")).size(), 64U);
}

TEST(PlanIdentity, differs_in_every_field_of_files_groups_and_users) {
    const builders::BuildPlan plan =
        plan_of(with("user --name=bob --password=first1\ngroup --name=crew --gid=1500\nbootloader --location=mbr"))
            .plan;
    ASSERT_FALSE(plan.files.empty() || plan.users.empty() || plan.groups.empty());
    const std::vector<std::function<void(builders::BuildPlan&)>> changes{
        [](auto& p) { p.files[0].kind = builders::TreeFile::Kind::symlink; },
        [](auto& p) { p.files[0].kind = builders::TreeFile::Kind::directory; },
        [](auto& p) { p.files[0].uid = 7; },
        [](auto& p) { p.files[0].gid = 7; },
        [](auto& p) { p.files[0].mode ^= 1U; },
        [](auto& p) { p.files[0].content += "x"; },
        [](auto& p) { p.groups[0].gid = 1501; },
        [](auto& p) { p.groups[0].gid.reset(); },
        [](auto& p) { p.users[0].gid = 1501; },
        [](auto& p) { p.users[0].uid = 1501; },
        [](auto& p) { p.users[0].password->value += "x"; },
        [](auto& p) { p.users[0].password->crypted = !p.users[0].password->crypted; },
        [](auto& p) { p.users[0].password.reset(); },
        [](auto& p) {
            p.root_password = kickstart::Password{"first1", false};
        },
        [](auto& p) { p.sources.emplace_back("deb http://me:a@host/ x main"); },
        [](auto& p) { p.sources.emplace_back("deb http://me:b@host/ x main"); },
        [](auto& p) {
            p.scripts.push_back({1, false, "/bin/sh", "", "echo root:a | chpasswd", false});
        },
        [](auto& p) {
            p.scripts.push_back({1, false, "/bin/sh", "", "echo root:b | chpasswd", false});
        }};
    std::set<std::string> seen{identity(plan, bytes("key"))};
    for (std::size_t i = 0; i < changes.size(); ++i) {
        builders::BuildPlan changed = plan;
        changes[i](changed);
        EXPECT_TRUE(seen.insert(identity(changed, bytes("key"))).second) << "change " << i;
    }
}

TEST(Plan, has_no_secret_in_what_everybody_may_read) {
    auto result =
        plan_of(with("rootpw Zq7plantZq7\nuser --name=bob --password=Zq7plantZq7\n"
                     "bootloader --append=\"x.token=Zq7plantZq7\"\n"
                     "%post\necho root:Zq7plantZq7 | chpasswd\n%end"));
    ASSERT_TRUE(result.ok()) << result.errors.front().message;
    result.plan.sources.emplace_back("deb http://me:Zq7plantZq7@host/debian x main");
    EXPECT_THAT(to_json(result.plan), testing::Not(HasSubstr("Zq7plantZq7")));
    EXPECT_THAT(to_json(result.plan), HasSubstr("http://(removed)@host/debian"));
    EXPECT_THAT(result.plan.scripts[0].body, HasSubstr("Zq7plantZq7"));  // what is done stays whole
    for (const auto& note : result.plan.notes) EXPECT_THAT(note.message, testing::Not(HasSubstr("Zq7plantZq7")));
    for (const std::string& error : errors_of(with("%include http://me:Zq7plantZq7@host/a.ks")))
        EXPECT_THAT(error, testing::Not(HasSubstr("Zq7plantZq7")));
}

TEST(Plan, names_its_file_systems_without_a_secret_that_could_be_guessed_from_them) {
    const auto uuid = [](const std::string& password) {
        return plan_of(with("%post\necho root:" + password + " | chpasswd\n%end")).plan.storage.disks[0].signature;
    };
    EXPECT_EQ(uuid("first1"), uuid("second2"));
}

}  // namespace
