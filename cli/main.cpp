// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "cli/commands.hpp"

int main(int argc, char** argv) {
    ::signal(SIGPIPE, SIG_IGN);
    CLI::App program("Guest images for XenServer, XCP-ng and Xen, from kickstart recipes.", "xenkiln");
    program.set_version_flag("--version", "xenkiln 0.1.0");
    program.require_subcommand(1);
    program.footer("Exit codes: 0 done, 1 refused or failed, 2 usage.");
    int exit_code = 0;
    cli::add_serve(program, exit_code);
    cli::add_build(program, exit_code);
    cli::add_kickstart(program, exit_code);
    cli::add_verify(program, exit_code);
    cli::add_convert(program, exit_code);
    cli::add_inspect(program, exit_code);
    cli::add_map(program, exit_code);
    cli::add_check(program, exit_code);
    cli::add_compare(program, exit_code);
    cli::add_download(program, exit_code);
    cli::add_upload(program, exit_code);
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
