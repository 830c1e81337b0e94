// SPDX-License-Identifier: Apache-2.0
#include "cli/run_program.hpp"

#include <algorithm>
#include <cerrno>
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <system_error>

#include "cli/standard_output.hpp"

namespace cli {
namespace {

int run(int argc, char** argv, const std::function<void(CLI::App& program, int& exit_code)>& add) {
    CLI::App program("Guest images for XenServer, XCP-ng and Xen, from kickstart recipes.", "xenkiln");
    program.set_version_flag("--version", "xenkiln 0.1.0");
    program.require_subcommand(1);
    program.footer("Exit codes: 0 done, 1 refused or failed, 2 usage.");
    int exit_code = 0;
    add(program, exit_code);
    try {
        program.parse(argc, argv);
    } catch (const CLI::RequiredError& error) {
        const auto commands = program.get_subcommands([](const CLI::App*) { return true; });
        const bool known = argc < 2 || std::any_of(commands.begin(), commands.end(),
                                                   [&](const CLI::App* one) { return one->check_name(argv[1]); });
        if (!known && argv[1][0] != '-') std::cerr << "xenkiln: there is no command " << argv[1] << "\n";
        return program.exit(error) == 0 ? 0 : 2;
    } catch (const CLI::ParseError& error) {
        return program.exit(error) == 0 ? 0 : 2;
    } catch (const std::exception& error) {
        std::cerr << "xenkiln: " << error.what() << "\n";
        return 1;
    }
    return exit_code;
}

}  // namespace

int run_program(int argc, char** argv, const std::function<void(CLI::App& program, int& exit_code)>& add) {
    hold_standard_streams();
    const bool pipes_end_us = ::signal(SIGPIPE, SIG_IGN) == SIG_DFL;
    ::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error of the write, as a full disk is
    StandardOutput output;
    const int exit_code = run(argc, argv, add);
    const int lost = output.close();
    if (lost == 0) return exit_code;
    if (lost == EPIPE && pipes_end_us) {  // `| head -1` has what it wanted: we end as every filter does
        if (exit_code != 0) return exit_code;
        ::signal(SIGPIPE, SIG_DFL);
        ::raise(SIGPIPE);
    }
    std::cerr << "xenkiln: standard output: " << std::generic_category().message(lost) << "\n";
    return exit_code == 0 ? 1 : exit_code;
}

}  // namespace cli
