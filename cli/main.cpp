// SPDX-License-Identifier: Apache-2.0
// xenkiln-main: every command.
#include "cli/commands.hpp"
#include "cli/run_program.hpp"

int main(int argc, char** argv) {
    return cli::run_program(argc, argv, [](CLI::App& program, int& exit_code) {
        cli::add_serve(program, exit_code);
        cli::add_build(program, exit_code);
        cli::add_kickstart_plan(cli::add_kickstart(program, exit_code), exit_code);
        cli::add_verify(program, exit_code);
        cli::add_convert(program, exit_code);
        cli::add_inspect(program, exit_code);
        cli::add_map(program, exit_code);
        cli::add_check(program, exit_code);
        cli::add_compare(program, exit_code);
        cli::add_download(program, exit_code);
        cli::add_upload(program, exit_code);
    });
}
