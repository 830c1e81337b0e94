// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/kickstart_input.hpp"
#include "kickstart/json.hpp"
#include "kickstart/render.hpp"

namespace cli {
namespace {

struct Options {
    std::string file, version, bundle;
    bool json = false, follow = false, forgiving = false, text = false;
};

int parse(const Options& options) {
    kickstart::ParseOptions how;
    how.version = options.version;
    how.forgiving = options.forgiving;
    Followed followed;
    if (options.follow || !options.bundle.empty()) {
        followed = open_bundle(options.bundle, options.file);
        how.bundle = followed.bundle.get();
        how.file = followed.name;
    } else {
        followed.text = read_kickstart(options.file);
    }
    const kickstart::ParseResult result = kickstart::parse(followed.text, how);
    if (options.json) {
        std::cout << to_json(result);
        return result.ok() ? 0 : 1;
    }
    const kickstart::Recipe& recipe = result.recipe;
    std::ostream& told = options.text ? std::cerr : std::cout;
    for (const auto& d : result.diagnostics) {
        const auto place = recipe.sources.place(d.line);
        told << (place.file == 0 ? options.file : recipe.sources.files[static_cast<std::size_t>(place.file)]) << ":"
             << place.line << (d.column > 0 ? ":" + std::to_string(d.column) : "") << ": "
             << (d.severity == kickstart::Severity::error ? "error: " : "warning: ") << d.message << "\n";
    }
    if (!result.ok()) return 1;
    if (options.text)
        std::cout << render(recipe);
    else
        told << options.file << ": " << recipe.commands.size() << " commands, " << recipe.scripts.size()
             << " scripts, read at level " << recipe.version << " (" << recipe.version_reason << ")\n";
    return 0;
}

}  // namespace

CLI::App& add_kickstart(CLI::App& program, int& exit_code) {
    auto options = std::make_shared<Options>();
    CLI::App* group = program.add_subcommand("kickstart", "Work with kickstart files.");
    group->require_subcommand(1);
    CLI::App* command = group->add_subcommand(
        "parse", "Read a kickstart file as Anaconda does and say what is in it, or what is wrong with it and where.");
    command->add_option("file", options->file, "The file, or - for standard input")->required();
    CLI::Option* json = command->add_flag("--json", options->json, "Print the canonical JSON form (docs/kickstart.md)");
    command->add_flag("--text", options->text, "Print what was understood as a kickstart again")->excludes(json);
    command->add_option("--ks-version", options->version,
                        "Syntax level, RHEL5 to RHEL10, F9 to F45 or kickseed; default: the file's #version=, else the"
                        " level that reads it best");
    command->add_flag("--follow", options->follow, "Follow %include within the working folder or the file's folder");
    command->add_option("--bundle", options->bundle,
                        "Follow %include within this folder or tar, in which the file lies");
    command->add_flag("--forgiving", options->forgiving,
                      "Take a byte order mark and, at level RHEL6, a section without %end, with a warning");
    command->callback([options, &exit_code] { exit_code = parse(*options); });
    add_kickstart_lint(*group, exit_code);
    return *group;
}

}  // namespace cli
