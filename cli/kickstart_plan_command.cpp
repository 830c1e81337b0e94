// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>

#include "builders/plan/build_plan.hpp"
#include "cli/commands.hpp"
#include "cli/kickstart_input.hpp"
#include "kickstart/secret_text.hpp"
#include "server/clock.hpp"

namespace cli {
namespace {

namespace json = boost::json;

struct Options {
    std::string file, distribution;
    KickstartArguments input;
    std::vector<std::string> settings;
    bool json = false;
};

builders::BuildOptions request_of(const Options& options) {
    builders::BuildOptions set;
    const auto take = [&](const std::string& key, const std::string& value) {
        if (const auto wrong = set_option(set, key, value)) throw CLI::ValidationError("--option", *wrong);
    };
    if (!options.distribution.empty()) take("distribution", options.distribution);
    for (const std::string& setting : options.settings) {
        const std::size_t equals = setting.find('=');
        if (equals == std::string::npos) throw CLI::ValidationError("--option", setting + " is not KEY=VALUE");
        take(setting.substr(0, equals), setting.substr(equals + 1));
    }
    return set;
}

std::string in_mib(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

std::ostream& row(const char* what) {
    return std::cout << "  " << std::left << std::setw(14) << what;
}

void print(const char* what, const std::vector<std::string>& list) {
    if (list.empty()) return;
    row(what);
    std::size_t width = 16;
    for (const std::string& one : list) {
        if (width > 16 && width + one.size() > 118) {
            std::cout << "\n                ";
            width = 16;
        }
        std::cout << one << " ";
        width += one.size() + 1;
    }
    std::cout << "\n";
}

std::string described(const builders::FileSystemPlan& system) {
    return system.fstype + " " + system.mount_point + (system.label.empty() ? "" : " label " + system.label) +
           (system.fs_options == "defaults" ? "" : " (" + system.fs_options + ")");
}

const char* purpose(builders::PartitionKind kind) {
    switch (kind) {
        case builders::PartitionKind::bios_boot:
            return "BIOS boot";
        case builders::PartitionKind::lvm:
            return "LVM";
        default:
            return "";
    }
}

void print_storage(const builders::StoragePlan& storage) {
    for (std::size_t i = 0; i < storage.disks.size(); ++i) {
        const builders::DiskPlan& disk = storage.disks[i];
        row(i == 0 ? "disks" : "") << "disk " << i + 1 << ": " << in_mib(disk.size) << ", "
                                   << (disk.table == "none" ? "no partition table" : disk.table) << "\n";
        if (!disk.whole.fstype.empty()) row("") << "  " << described(disk.whole) << "\n";
        for (const builders::PartitionPlan& part : disk.partitions)
            row("") << "  " << part.number << ": " << in_mib(part.size) << " at " << in_mib(part.offset) << ", "
                    << (part.file_system.fstype.empty() ? purpose(part.kind) : described(part.file_system))
                    << (part.active ? ", active" : "") << "\n";
    }
    for (const builders::VolumeGroupPlan& group : storage.groups) {
        row("") << "volume group " << group.name << ", extents of " << in_mib(group.extent) << "\n";
        for (const builders::LogicalVolumePlan& volume : group.volumes)
            row("") << "  " << volume.name << ": " << in_mib(volume.size) << ", " << described(volume.file_system)
                    << "\n";
    }
}

std::vector<std::string> services(const kickstart::Recipe& recipe) {
    std::vector<std::string> list;
    if (!recipe.services) return list;
    for (const std::string& name : recipe.services->enabled) list.push_back("+" + name);
    for (const std::string& name : recipe.services->disabled) list.push_back("-" + name);
    return list;
}

// Why a build would stop at this plan on every host.
std::vector<builders::Note> refusals(const builders::BuildPlan& plan) {
    std::vector<builders::Note> found = plan.unsafe;
    if (const auto why = not_built_yet(plan)) found.push_back({0, *why});
    if (plan.distribution_guessed)
        found.push_back(
            {0, "distribution: " + plan.distribution.id + " is only a guess; give the option distribution"});
    return found;
}

void print_plan(const builders::BuildPlan& plan, const kickstart::Recipe& recipe, const std::string& file) {
    std::cout << file << ": " << plan.title << "\n";
    row("distribution") << plan.distribution.id << ", " << plan.distribution_because << "\n";
    row("mode") << formats::to_string(plan.hardware.mode) << ", layout " << to_string(plan.storage.layout) << ", "
                << plan.hardware.vcpus << " vCPUs, " << in_mib(plan.hardware.memory_bytes) << ", "
                << plan.hardware.network_interfaces << " network interfaces\n";
    print_storage(plan.storage);
    std::vector<std::string> sources;
    for (const std::string& source : plan.sources) sources.push_back(kickstart::without_secrets_in_text(source));
    print("sources", sources);
    if (plan.distribution.family == "debian" && plan.default_sources) row("") << "the distribution's own\n";
    print("packages", plan.packages);
    print("without", plan.excluded_packages);
    print("modules", plan.modules);
    print("settings", plan.package_options);
    print("services", services(recipe));
    std::vector<std::string> users;
    for (const builders::UserPlan& user : plan.users)
        users.push_back(user.name + (user.password ? " (password)" : user.ssh_keys.empty() ? "" : " (key)"));
    users.push_back(plan.root_password           ? "root (password)"
                    : plan.root_ssh_keys.empty() ? "root (locked)"
                                                 : "root (key)");
    print("users", users);
    std::vector<std::string> scripts;
    for (const auto* list : {&plan.pre_scripts, &plan.scripts})
        for (const builders::ScriptPlan& script : *list)
            scripts.push_back((list == &plan.pre_scripts ? "%pre:"
                               : script.outside          ? "%post--nochroot:"
                                                         : "%post:") +
                              std::to_string(script.line));
    print("scripts", scripts);
    row("kernel") << (plan.bootloader ? plan.kernel_arguments : "none") << "\n";
    row("keys") << plan.distribution.keys << "\n";
    for (const builders::Note& note : refusals(plan))
        row("build") << "refused: " << (note.line > 0 ? "line " + std::to_string(note.line) + ": " : "") << note.message
                     << "\n";
    for (const builders::Note& note : plan.notes)
        std::cout << file << (note.line > 0 ? ":" + std::to_string(recipe.sources.place(note.line).line) : "")
                  << ": note: " << note.message << "\n";
}

json::array errors_json(const std::vector<kickstart::Diagnostic>& errors, const kickstart::Recipe& recipe,
                        const std::string& file) {
    json::array list;
    for (const auto& error : errors) {
        const auto place = recipe.sources.place(error.line);
        list.push_back({{"file", recipe.sources.file_of(place, file)},
                        {"line", place.line},
                        {"column", error.column},
                        {"message", error.message}});
    }
    return list;
}

int plan(const Options& options) {
    const builders::BuildOptions request = request_of(options);
    const KickstartInput input = open_kickstart(options.file, options.input);
    builders::PlannedRecipe result = plan_recipe(input.text, request, server::today(), input.how);
    // Of a text that was not understood, what the plan misses is no news.
    if (!result.read.ok()) result.planned = {};
    const kickstart::ParseResult& parsed = result.read;
    const builders::PlanResult& planned = result.planned;
    const std::vector<kickstart::Diagnostic> errors = result.errors();
    if (options.json) {
        json::object answer{{"schema", "xenkiln-plan/1"},
                            {"ok", errors.empty()},
                            {"level", parsed.recipe.version},
                            {"errors", errors_json(errors, parsed.recipe, options.file)}};
        if (errors.empty()) {
            answer["distribution_because"] = planned.plan.distribution_because;
            json::array refused;
            for (const builders::Note& note : refusals(planned.plan))
                refused.push_back({{"line", note.line}, {"message", note.message}});
            answer["build_refused"] = refused;
            answer["services"] = json::value_from(services(parsed.recipe));
            answer["plan"] = json::parse(to_json(planned.plan));
        }
        std::cout << json::serialize(answer) << "\n";
        return errors.empty() && refusals(planned.plan).empty() ? 0 : 1;
    }
    for (const auto& error : errors) {
        const auto place = parsed.recipe.sources.place(error.line);
        std::cout << parsed.recipe.sources.file_of(place, options.file)
                  << (place.line > 0 ? ":" + std::to_string(place.line) : "") << ": error: " << error.message << "\n";
    }
    if (errors.empty()) print_plan(planned.plan, parsed.recipe, options.file);
    return errors.empty() && refusals(planned.plan).empty() ? 0 : 1;
}

}  // namespace

void add_kickstart_plan(CLI::App& group, int& exit_code) {
    auto options = std::make_shared<Options>();
    CLI::App* command = group.add_subcommand(
        "plan", "Say what a build would make of a kickstart file, or why it would refuse it; nothing is built.");
    command->add_option("file", options->file, "The file, or - for standard input")->required();
    command->add_option(
        "--distribution", options->distribution,
        "What to install, such as debian-12; default: what the recipe names by an address or #version=");
    command->add_option("--option", options->settings, "KEY=VALUE, as of xenkiln build; repeatable");
    command->add_flag("--json", options->json, "Print the plan as JSON (xenkiln-plan/1)");
    add_kickstart_arguments(*command, options->input);
    command->callback([options, &exit_code] { exit_code = plan(*options); });
}

}  // namespace cli
