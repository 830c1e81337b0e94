// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/build_plan.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "builders/plan/families.hpp"
#include "builders/plan/plan_parts.hpp"
#include "formats/stream/digest.hpp"
#include "kickstart/script_secrets.hpp"
#include "kickstart/secret_text.hpp"

namespace builders {
namespace {

namespace json = boost::json;

BuildOptions recipe_options(const kickstart::Recipe& recipe, plan::Errors& errors) {
    BuildOptions options;
    for (const kickstart::OptionComment& comment : recipe.options)
        if (const auto wrong = set_option(options, comment.key, comment.value))
            plan::refuse(errors, comment.line, "#xenkiln: " + *wrong);
    return options;
}

void choose_distribution(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan,
                         plan::Errors& errors) {
    std::string known;
    for (const std::string& id : distribution_ids()) known += (known.empty() ? "" : ", ") + id;
    if (options.distribution) {
        const Distribution* found = find_distribution(*options.distribution);
        if (!found)
            return plan::refuse(errors, 0,
                                "distribution: '" + *options.distribution + "' is not known; known are " + known);
        plan.distribution = *found;
        plan.distribution_because = "the option distribution";
        return;
    }
    const auto named = plan::release_named(recipe);
    if (!named)
        return plan::refuse(errors, 0, plan::no_release(recipe) + "; give the option distribution, one of " + known);
    plan.distribution = *named->distribution;
    plan.distribution_because = named->because;
    plan.distribution_guessed = named->guessed;
    plan.notes.push_back({named->line, "distribution: " + plan.distribution.id + ", by " + named->because +
                                           "; the option distribution names another"});
}

void choose_outputs(const kickstart::Recipe& recipe, const BuildOptions& request, const BuildOptions& options,
                    BuildPlan& plan, plan::Errors& errors) {
    plan.outputs = options.outputs;
    if (plan.outputs.empty()) plan.outputs.push_back(formats::output_kind_from("xva.xz").value());
    const std::size_t disks = plan.storage.disks.size();
    if (disks < 2) return;
    int line = 0;
    for (const kickstart::OptionComment& comment : recipe.options)
        if (comment.key == "outputs" && request.outputs.empty()) line = comment.line;
    for (const formats::OutputKind& kind : plan.outputs)
        if (kind.format != formats::Format::xva)
            plan::refuse(errors, line,
                         "outputs: the recipe has " + std::to_string(disks) + " disks, " + output_name(kind) +
                             " holds one; an xva holds all of them");
}

json::array strings(const std::vector<std::string>& list) {
    return json::array(list.begin(), list.end());
}

json::object file_system_json(const FileSystemPlan& system) {
    return {{"mount_point", system.mount_point},
            {"fstype", system.fstype},
            {"label", system.label},
            {"uuid", system.uuid},
            {"fs_options", system.fs_options}};
}

const char* kind_name(PartitionKind kind) {
    switch (kind) {
        case PartitionKind::file_system:
            return "file system";
        case PartitionKind::bios_boot:
            return "BIOS boot";
        case PartitionKind::efi_system:
            return "EFI system";
        case PartitionKind::lvm:
            break;
    }
    return "LVM";
}

json::object disk_json(const DiskPlan& disk) {
    json::array partitions;
    for (const PartitionPlan& part : disk.partitions) {
        json::object one{{"number", part.number},
                         {"offset", part.offset},
                         {"size", part.size},
                         {"kind", kind_name(part.kind)},
                         {"active", part.active}};
        if (!part.file_system.fstype.empty()) one["file_system"] = file_system_json(part.file_system);
        partitions.push_back(one);
    }
    json::object object{
        {"size", disk.size}, {"table", disk.table}, {"signature", disk.signature}, {"partitions", partitions}};
    if (!disk.whole.fstype.empty()) object["file_system"] = file_system_json(disk.whole);
    return object;
}

json::object storage_json(const StoragePlan& storage) {
    json::array disks, groups;
    for (const DiskPlan& disk : storage.disks) disks.push_back(disk_json(disk));
    for (const VolumeGroupPlan& group : storage.groups) {
        json::array volumes;
        for (const LogicalVolumePlan& volume : group.volumes)
            volumes.push_back(
                {{"name", volume.name}, {"size", volume.size}, {"file_system", file_system_json(volume.file_system)}});
        groups.push_back({{"name", group.name},
                          {"extent", group.extent},
                          {"physical_volumes", strings(group.physical_volumes)},
                          {"volumes", volumes}});
    }
    return {{"layout", to_string(storage.layout)}, {"disks", disks}, {"volume_groups", groups}};
}

// Who reads the JSON: everybody, or nobody, when it is only digested.
enum class Secrets { left_out, whole };

json::value password_json(const std::optional<kickstart::Password>& password, Secrets secrets) {
    if (!password) return "none";
    if (secrets == Secrets::left_out) return "set";
    return json::object{{"value", password->value}, {"crypted", password->crypted}};
}

json::array users_json(const std::vector<UserPlan>& users, Secrets secrets) {
    json::array list;
    for (const UserPlan& user : users) {
        json::object one{{"name", user.name},
                         {"gecos", user.gecos},
                         {"home", user.home},
                         {"shell", user.shell},
                         {"groups", strings(user.groups)},
                         {"password", password_json(user.password, secrets)},
                         {"locked", user.locked},
                         {"uid", user.uid ? json::value(*user.uid) : json::value(nullptr)},
                         {"ssh_keys", strings(user.ssh_keys)}};
        if (user.gid) one["gid"] = *user.gid;
        list.push_back(one);
    }
    return list;
}

// What is as nearly always (a file of root) is not said.
json::object file_json(const TreeFile& file) {
    json::object one{{"path", file.path}, {"mode", file.mode}, {"content", file.content}};
    if (file.kind != TreeFile::Kind::file) one["kind"] = file.kind == TreeFile::Kind::symlink ? "symlink" : "directory";
    if (file.uid != 0) one["uid"] = file.uid;
    if (file.gid != 0) one["gid"] = file.gid;
    return one;
}

json::value group_json(const kickstart::Group& group) {
    if (!group.gid) return json::string(group.name);
    return json::object{{"name", group.name}, {"gid", *group.gid}};
}

void leave_secrets_out(json::value& value) {
    if (value.is_string()) {
        value = kickstart::without_secrets_in_text(value.get_string());
    } else if (value.is_array()) {
        for (json::value& one : value.get_array()) leave_secrets_out(one);
    } else if (value.is_object()) {
        for (auto& [key, one] : value.get_object())
            if (key == "body" && !kickstart::secrets_of_script(one.as_string()).empty())
                one = kickstart::removed_secret;
            else
                leave_secrets_out(one);
    }
}

json::object hardware_json(const formats::Hardware& hardware) {
    return {{"mode", formats::to_string(hardware.mode)},
            {"firmware", hardware.firmware == formats::Firmware::uefi ? "uefi" : "bios"},
            {"vcpus", hardware.vcpus},
            {"memory_bytes", hardware.memory_bytes},
            {"network_interfaces", hardware.network_interfaces},
            {"template", hardware.is_template}};
}

// Notes and errors are read by more than who wrote the recipe: they stand in the build's report.
void leave_secrets_out_of_messages(PlanResult& result) {
    for (auto& error : result.errors) error.message = kickstart::without_credentials(error.message);
    for (auto* notes : {&result.plan.notes, &result.plan.unsafe})
        for (Note& note : *notes) note.message = kickstart::without_credentials(note.message);
    result.plan.distribution_because = kickstart::without_credentials(result.plan.distribution_because);
}

// Known only now, because they are made from everything else.
void name_file_systems(BuildPlan& plan) {
    const std::string digest = formats::digest_hex(formats::DigestKind::sha256, to_json(plan));
    for (std::size_t i = 0; i < plan.storage.disks.size(); ++i)
        plan.storage.disks[i].signature = plan::lower_hex_uuid(digest, "disk " + std::to_string(i)).substr(0, 8);
    for_each_file_system(plan.storage, [&](const std::string& device, FileSystemPlan& system) {
        system.uuid = plan::lower_hex_uuid(digest, device);
        if (system.fstype != "vfat") return;  // FAT has eight digits only
        system.uuid = system.uuid.substr(0, 4) + "-" + system.uuid.substr(4, 4);
        for (char& c : system.uuid) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    });
    plan.files.push_back(plan::fstab(plan.storage));
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
    if (!plan::of_sane_size(recipe, errors)) {
        leave_secrets_out_of_messages(result);
        return result;
    }
    const BuildOptions options = merge(recipe_options(recipe, errors), request);
    choose_distribution(recipe, options, plan, errors);
    plan::treat_commands(recipe, plan, errors);
    plan::plan_storage(recipe, options, plan, errors);
    choose_outputs(recipe, request, options, plan, errors);
    if (!plan.distribution.id.empty()) {
        (plan.distribution.family == "rpm" ? plan::plan_rpm : plan::plan_debian)(recipe, options, plan, errors);
        plan::plan_users(recipe, options, plan, errors);
    }
    leave_secrets_out_of_messages(result);
    std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    std::stable_sort(plan.notes.begin(), plan.notes.end(),
                     [](const Note& a, const Note& b) { return a.line < b.line; });
    if (!result.ok()) return result;

    plan.hardware.firmware = plan.storage.layout == Layout::uefi ? formats::Firmware::uefi : formats::Firmware::bios;
    plan.hardware.mode = options.mode.value_or(formats::Mode::pvhvm);
    plan.hardware.vcpus = options.vcpus.value_or(2);
    plan.hardware.memory_bytes = options.memory_bytes.value_or(std::uint64_t{2} << 30);
    plan.hardware.is_template = options.is_template.value_or(false);
    const std::string mode(formats::to_string(plan.hardware.mode));
    plan.release_name = options.name.value_or(plan.distribution.id) + "-" + date + "-" + mode +
                        (plan.hardware.is_template ? "-template" : "");
    plan.title = options.name ? *options.name + " (" + plan.distribution.title + ", " + mode + ")"
                              : plan.distribution.title + ", " + mode;
    plan.hardware.name = plan.release_name;
    plan.hardware.description = plan.distribution.title + ", built " + date.substr(0, 4) + "-" + date.substr(4, 2) +
                                "-" + date.substr(6, 2) + " by xenkiln";
    plan.network = options.network.value_or(Network::mirrors);
    plan.xxhash = options.xva_checksum == "xxhash";
    name_file_systems(plan);
    return result;
}

std::optional<std::string> not_built_yet(const BuildPlan& plan) {
    std::string built;
    for (const FamilyFacts& family : families()) {
        if (!family.built) continue;
        if (plan.distribution.family == family.name || plan.distribution.family.empty()) return std::nullopt;
        built += (built.empty() ? "" : ", ") + std::string(family.releases);
    }
    return "distribution " + plan.distribution.id + ": images of " + plan.distribution.title +
           " can be planned and are not built yet; those of " + built + " are";
}

std::optional<kickstart::Diagnostic> forbidden(const BuildPlan& plan, const BuildHost& host) {
    const auto because = [](int line, const std::string& message) {
        return kickstart::Diagnostic{line, 0, kickstart::Severity::error, "other", message};
    };
    if (plan.distribution_guessed)
        return because(0, "distribution: the recipe does not say what to install, and " + plan.distribution.id +
                              " is only a guess; give the option distribution");
    if (!plan.unsafe.empty()) return because(plan.unsafe.front().line, plan.unsafe.front().message);
    if (const auto why = not_built_yet(plan)) return because(0, *why);
    if (plan.network == Network::open && !host.open_network)
        return because(0, "network=open is not allowed here; the operator can allow it with --allow-open-network");
    for (const auto* scripts : {&plan.pre_scripts, &plan.scripts})
        for (const ScriptPlan& script : *scripts)
            if (script.outside && !host.host_scripts)
                return because(
                    script.line,
                    "%pre and %post --nochroot run outside the image and are not allowed here; write a plain "
                    "%post, or let the operator allow them (in the sandbox) with --allow-host-scripts");
    return std::nullopt;
}

namespace {

json::value plan_json(const BuildPlan& plan, Secrets secrets) {
    json::array files, commands, pre_scripts, scripts, notes, outputs, groups;
    for (const TreeFile& file : plan.files) files.push_back(file_json(file));
    for (const auto& command : plan.commands) commands.push_back(strings(command));
    const auto script_json = [](const ScriptPlan& script) {
        return json::object{
            {"line", script.line}, {"outside", script.outside},           {"interpreter", script.interpreter},
            {"log", script.log},   {"erroronfail", script.error_on_fail}, {"body", script.body}};
    };
    for (const ScriptPlan& script : plan.pre_scripts) pre_scripts.push_back(script_json(script));
    for (const ScriptPlan& script : plan.scripts) scripts.push_back(script_json(script));
    for (const Note& note : plan.notes) notes.push_back({{"line", note.line}, {"message", note.message}});
    for (const formats::OutputKind& output : plan.outputs)
        outputs.push_back({{"file", output_name(output)},
                           {"level", output.level ? json::value(*output.level) : json::value(nullptr)}});
    for (const kickstart::Group& group : plan.groups) groups.push_back(group_json(group));
    json::object object{{"release_name", plan.release_name},
                        {"title", plan.title},
                        {"date", plan.date},
                        {"distribution", plan.distribution.id},
                        {"suite", plan.distribution.suite},
                        {"hardware", hardware_json(plan.hardware)},
                        {"outputs", outputs},
                        {"xva_checksum", plan.xxhash ? "xxhash" : "sha1"},
                        {"packages", strings(plan.packages)},
                        {"sources", strings(plan.sources)},
                        {"default_sources", plan.default_sources},
                        {"guest_sources", plan.guest_sources},
                        {"network", to_string(plan.network)},
                        {"exclude_docs", plan.exclude_docs},
                        {"storage", storage_json(plan.storage)},
                        {"bootloader", plan.bootloader},
                        {"kernel_arguments", plan.kernel_arguments},
                        {"timeout", plan.timeout},
                        {"files", files},
                        {"commands", commands},
                        {"groups", groups},
                        {"users", users_json(plan.users, secrets)},
                        {"root_password", password_json(plan.root_password, secrets)},
                        {"root_ssh_keys", strings(plan.root_ssh_keys)},
                        {"pre_scripts", pre_scripts},
                        {"scripts", scripts},
                        {"notes", notes}};
    // Of the RPM family only: plans of the other one stay as they are.
    if (plan.distribution.family == "rpm") {
        object["excluded_packages"] = strings(plan.excluded_packages);
        object["package_options"] = strings(plan.package_options);
        object["modules"] = strings(plan.modules);
        object["loader_password"] = password_json(plan.loader_password, secrets);
    }
    json::value all = std::move(object);
    if (secrets == Secrets::left_out) leave_secrets_out(all);
    return all;
}

}  // namespace

std::string to_json(const BuildPlan& plan) {
    return json::serialize(plan_json(plan, Secrets::left_out));
}

std::string identity(const BuildPlan& plan, std::span<const std::byte> key) {
    return formats::hmac_sha256_hex(key, json::serialize(plan_json(plan, Secrets::whole)));
}

}  // namespace builders
