// SPDX-License-Identifier: Apache-2.0
#include "builders/build_plan.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "builders/plan/plan_parts.hpp"
#include "formats/stream/digest.hpp"

namespace builders {
namespace {

namespace json = boost::json;

std::string_view mode_name(formats::Mode mode) {
    switch (mode) {
        case formats::Mode::pvhvm:
            return "pvhvm";
        case formats::Mode::hvm:
            return "hvm";
        case formats::Mode::pvh:
            return "pvh";
        case formats::Mode::pv:
            break;
    }
    return "pv";
}

BuildOptions recipe_options(const kickstart::Recipe& recipe, plan::Errors& errors) {
    BuildOptions options;
    for (const kickstart::OptionComment& comment : recipe.options)
        if (const auto wrong = set_option(options, comment.key, comment.value))
            plan::refuse(errors, comment.line, "#xenkiln: " + *wrong);
    return options;
}

void choose_distribution(const BuildOptions& options, BuildPlan& plan, plan::Errors& errors) {
    std::string known;
    for (const std::string& id : distribution_ids()) known += (known.empty() ? "" : ", ") + id;
    if (!options.distribution)
        return plan::refuse(
            errors, 0,
            "distribution: the recipe does not say what to install; give the option distribution, one of " + known);
    const auto found = find_distribution(*options.distribution);
    if (!found)
        return plan::refuse(errors, 0,
                            "distribution: '" + *options.distribution + "' is not known; known are " + known);
    plan.distribution = *found;
}

json::array strings(const std::vector<std::string>& list) {
    return json::array(list.begin(), list.end());
}

json::object disk_json(const DiskPlan& disk) {
    json::array partitions;
    for (const PartitionPlan& part : disk.partitions)
        partitions.push_back({{"number", part.number},
                              {"offset", part.offset},
                              {"size", part.size},
                              {"mount_point", part.mount_point},
                              {"fstype", part.fstype},
                              {"label", part.label},
                              {"uuid", part.uuid},
                              {"fs_options", part.fs_options},
                              {"active", part.active}});
    return {{"size", disk.size}, {"table", disk.table}, {"signature", disk.signature}, {"partitions", partitions}};
}

json::array users_json(const std::vector<UserPlan>& users) {
    json::array list;
    for (const UserPlan& user : users)
        list.push_back({{"name", user.name},
                        {"gecos", user.gecos},
                        {"home", user.home},
                        {"shell", user.shell},
                        {"groups", strings(user.groups)},
                        {"password", user.password ? "set" : "none"},
                        {"locked", user.locked},
                        {"uid", user.uid ? json::value(*user.uid) : json::value(nullptr)},
                        {"ssh_keys", strings(user.ssh_keys)}});
    return list;
}

json::object hardware_json(const formats::Hardware& hardware) {
    return {{"mode", mode_name(hardware.mode)},
            {"firmware", hardware.firmware == formats::Firmware::uefi ? "uefi" : "bios"},
            {"vcpus", hardware.vcpus},
            {"memory_bytes", hardware.memory_bytes},
            {"network_interfaces", hardware.network_interfaces},
            {"template", hardware.is_template}};
}

// Known only now, because they are made from everything else.
void name_file_systems(BuildPlan& plan) {
    const std::string identity = formats::digest_hex(formats::DigestKind::sha256, to_json(plan));
    plan.disk.signature = identity.substr(0, 8);
    for (PartitionPlan& part : plan.disk.partitions) {
        part.uuid = plan::lower_hex_uuid(identity, std::to_string(part.number));
        if (part.fstype == "vfat") {  // FAT has eight digits only
            part.uuid = part.uuid.substr(0, 4) + "-" + part.uuid.substr(4, 4);
            for (char& c : part.uuid) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
    }
    plan.files.push_back(plan::fstab(plan.disk));
}

}  // namespace

namespace plan {

std::string lower_hex_uuid(const std::string& identity, const std::string& what) {
    std::string hex = formats::digest_hex(formats::DigestKind::sha256, identity + " " + what).substr(0, 32);
    hex[12] = '4';  // RFC 4122: random-like, as every UUID of a file system is
    hex[16] = "89ab"[hex[16] % 4];
    for (const std::size_t dash : {8, 13, 18, 23}) hex.insert(dash, "-");
    return hex;
}

}  // namespace plan

PlanResult plan_build(const kickstart::Recipe& recipe, const BuildOptions& request, const std::string& date) {
    PlanResult result;
    BuildPlan& plan = result.plan;
    plan::Errors& errors = result.errors;
    plan.date = date;
    const BuildOptions options = merge(recipe_options(recipe, errors), request);
    choose_distribution(options, plan, errors);
    plan::treat_commands(recipe, plan, errors);
    plan::plan_disk(recipe, options, plan, errors);
    if (!plan.distribution.id.empty()) {
        plan::plan_debian(recipe, options, plan, errors);
        plan::plan_users(recipe, options, plan, errors);
    }
    std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    std::stable_sort(plan.notes.begin(), plan.notes.end(),
                     [](const Note& a, const Note& b) { return a.line < b.line; });
    if (!result.ok()) return result;

    plan.hardware.mode = options.mode.value_or(formats::Mode::pvhvm);
    plan.hardware.vcpus = options.vcpus.value_or(2);
    plan.hardware.memory_bytes = options.memory_bytes.value_or(std::uint64_t{2} << 30);
    plan.hardware.is_template = options.is_template.value_or(false);
    const std::string mode(mode_name(plan.hardware.mode));
    plan.release_name = options.name.value_or(plan.distribution.id) + "-" + date + "-" + mode +
                        (plan.hardware.is_template ? "-template" : "");
    plan.title = options.name ? *options.name + " (" + plan.distribution.title + ", " + mode + ")"
                              : plan.distribution.title + ", " + mode;
    plan.hardware.name = plan.release_name;
    plan.hardware.description = plan.distribution.title + ", built " + date.substr(0, 4) + "-" + date.substr(4, 2) +
                                "-" + date.substr(6, 2) + " by xenkiln";
    plan.outputs = options.outputs.empty() ? std::vector<Output>{{"xva", "xz", std::nullopt}} : options.outputs;
    plan.xxhash = options.xva_checksum == "xxhash";
    name_file_systems(plan);
    return result;
}

std::string to_json(const BuildPlan& plan) {
    json::array files, commands, scripts, notes, outputs, groups;
    for (const TreeFile& file : plan.files)
        files.push_back({{"path", file.path}, {"mode", file.mode}, {"content", file.content}});
    for (const auto& command : plan.commands) commands.push_back(strings(command));
    for (const ScriptPlan& script : plan.scripts)
        scripts.push_back({{"line", script.line},
                           {"interpreter", script.interpreter},
                           {"log", script.log},
                           {"erroronfail", script.error_on_fail},
                           {"body", script.body}});
    for (const Note& note : plan.notes) notes.push_back({{"line", note.line}, {"message", note.message}});
    for (const Output& output : plan.outputs)
        outputs.push_back({{"file", output.extension()},
                           {"level", output.level ? json::value(*output.level) : json::value(nullptr)}});
    for (const kickstart::Group& group : plan.groups) groups.push_back(json::string(group.name));
    return json::serialize(json::object{{"release_name", plan.release_name},
                                        {"title", plan.title},
                                        {"date", plan.date},
                                        {"distribution", plan.distribution.id},
                                        {"suite", plan.distribution.suite},
                                        {"hardware", hardware_json(plan.hardware)},
                                        {"outputs", outputs},
                                        {"xva_checksum", plan.xxhash ? "xxhash" : "sha1"},
                                        {"packages", strings(plan.packages)},
                                        {"sources", strings(plan.sources)},
                                        {"guest_sources", plan.guest_sources},
                                        {"exclude_docs", plan.exclude_docs},
                                        {"disk", disk_json(plan.disk)},
                                        {"bootloader", plan.bootloader},
                                        {"kernel_arguments", plan.kernel_arguments},
                                        {"timeout", plan.timeout},
                                        {"files", files},
                                        {"commands", commands},
                                        {"groups", groups},
                                        {"users", users_json(plan.users)},
                                        {"root_password", plan.root_password ? "set" : "none"},
                                        {"root_ssh_keys", strings(plan.root_ssh_keys)},
                                        {"scripts", scripts},
                                        {"notes", notes}});
}

}  // namespace builders
