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
    std::string file;
    KickstartArguments input;
    bool json = false, forgiving = false, text = false;
};

int parse(const Options& options) {
    KickstartInput input = open_kickstart(options.file, options.input);
    input.how.forgiving = options.forgiving;
    const kickstart::ParseResult result = kickstart::parse(input.text, input.how);
    if (options.json) {
        std::cout << to_json(result);
        return result.ok() ? 0 : 1;
    }
    const kickstart::Recipe& recipe = result.recipe;
    std::ostream& told = options.text ? std::cerr : std::cout;
    for (const auto& d : result.diagnostics) {
        const auto place = recipe.sources.place(d.line);
        told << recipe.sources.file_of(place, options.file) << ":" << place.line
             << (d.column > 0 ? ":" + std::to_string(d.column) : "") << ": "
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
    add_kickstart_arguments(*command, options->input);
    command->add_flag("--forgiving", options->forgiving,
                      "Take a byte order mark and, at level RHEL6, a section without %end, with a warning");
    command->callback([options, &exit_code] { exit_code = parse(*options); });
    add_kickstart_lint(*group, exit_code);
    return *group;
}

}  // namespace cli
