// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/kickstart_input.hpp"
#include "kickstart/lint.hpp"

namespace cli {
namespace {

struct Options {
    std::vector<std::string> files;
    std::string format = "text";
    KickstartArguments input;
    bool strict = false, quiet = false, no_security = false, no_image = false;
};

kickstart::LintResult lint_file(const Options& options, const std::string& file) {
    const KickstartInput input = open_kickstart(file, options.input);
    kickstart::LintOptions how;
    how.parse = input.how;
    how.security = !options.no_security;
    how.image_use = !options.no_image;
    return kickstart::lint(input.text, file, how);
}

int lint(const Options& options) {
    using Weight = kickstart::Finding::Weight;
    std::vector<kickstart::LintResult> results;
    std::size_t errors = 0, warnings = 0;
    for (const std::string& file : options.files) {
        kickstart::LintResult result = lint_file(options, file);
        errors += result.count(Weight::error);
        warnings += result.count(Weight::warning);
        if (options.quiet) std::erase_if(result.findings, [](const auto& f) { return f.weight != Weight::error; });
        if (options.format == "text" && !(options.quiet && result.findings.empty())) std::cout << lint_text(result);
        if (options.format != "text") results.push_back(std::move(result));
    }
    if (options.format == "json") std::cout << lint_json(results);
    if (options.format == "sarif") std::cout << lint_sarif(results);
    return errors > 0 || (options.strict && warnings > 0) ? 1 : 0;
}

}  // namespace

void add_kickstart_lint(CLI::App& group, int& exit_code) {
    auto options = std::make_shared<Options>();
    CLI::App* command = group.add_subcommand(
        "lint",
        "Say what is wrong with kickstart files, what an image build does with each command, and what is unsafe.");
    command->add_option("files", options->files, "The files, or - for standard input")->required();
    command->add_option("--format", options->format, "text, json, or sarif for editors and CI")
        ->check(CLI::IsMember({"text", "json", "sarif"}));
    add_kickstart_arguments(*command, options->input);
    command->add_flag("--strict", options->strict, "Warnings make the exit code 1, too");
    command->add_flag("-q,--quiet", options->quiet, "Show errors only");
    command->add_flag("--no-security", options->no_security, "Leave the security advice out");
    command->add_flag("--no-image", options->no_image, "Leave out what an image build does with each command");
    command->callback([options, &exit_code] { exit_code = lint(*options); });
}

}  // namespace cli
