// SPDX-License-Identifier: Apache-2.0
// xenkiln: what editors and CI call for every file, `kickstart parse` and `kickstart lint`, in a program that loads
// next to nothing; every other command is xenkiln-main's, which becomes this process under the same name.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <iostream>
#include <string_view>

#include "cli/commands.hpp"
#include "cli/run_program.hpp"

int main(int argc, char** argv) {
    using namespace std::string_view_literals;
    if (argc >= 3 && argv[1] == "kickstart"sv && (argv[2] == "parse"sv || argv[2] == "lint"sv))
        return cli::run_program(argc, argv,
                                [](CLI::App& program, int& exit_code) { cli::add_kickstart(program, exit_code); });
    std::error_code error;
    const auto main = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "xenkiln-main";
    if (!error) ::execv(main.c_str(), argv);
    std::cerr << "xenkiln: cannot start " << main.string() << ": " << (error ? error.message() : std::strerror(errno))
              << "; xenkiln, xenkiln-main and xenkiln-worker stand in one folder\n";
    return 1;
}
