// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/commands.hpp"
#include "kickstart/json.hpp"

namespace cli {
namespace {

std::string read_input(const std::string& path) {
    if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

int parse(const std::string& path, const std::string& version, bool as_json) {
    const kickstart::ParseResult result = kickstart::parse(read_input(path), {version});
    if (as_json) {
        std::cout << to_json(result);
        return result.ok() ? 0 : 1;
    }
    for (const auto& d : result.diagnostics)
        std::cout << path << ":" << d.line << (d.column > 0 ? ":" + std::to_string(d.column) : "") << ": "
                  << (d.severity == kickstart::Severity::error ? "error: " : "warning: ") << d.message << "\n";
    if (result.ok())
        std::cout << path << ": " << result.recipe.commands.size() << " commands, " << result.recipe.scripts.size()
                  << " scripts, read at level " << result.recipe.version << "\n";
    return result.ok() ? 0 : 1;
}

}  // namespace

void add_kickstart(CLI::App& program, int& exit_code) {
    struct Options {
        std::string file, version;
        bool json = false;
    };
    auto options = std::make_shared<Options>();
    CLI::App* group = program.add_subcommand("kickstart", "Work with kickstart files.");
    group->require_subcommand(1);
    CLI::App* command = group->add_subcommand(
        "parse", "Read a kickstart file and say what is in it, or what is wrong with it and where.");
    command->add_option("file", options->file, "The file, or - for standard input")->required();
    command->add_flag("--json", options->json, "Print the canonical JSON form (docs/kickstart.md)");
    command->add_option("--ks-version", options->version,
                        "Syntax level, RHEL5 to RHEL10 or F9 to F45; default: the file's #version=, else RHEL9");
    command->callback([options, &exit_code] { exit_code = parse(options->file, options->version, options->json); });
}

}  // namespace cli
