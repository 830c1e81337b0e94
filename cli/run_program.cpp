// SPDX-License-Identifier: Apache-2.0
#include "cli/run_program.hpp"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

namespace cli {

int run_program(int argc, char** argv, const std::function<void(CLI::App& program, int& exit_code)>& add) {
    ::signal(SIGPIPE, SIG_IGN);
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

}  // namespace cli
