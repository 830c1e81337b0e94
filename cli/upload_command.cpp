// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "cli/commands.hpp"
#include "cli/send_upload.hpp"

namespace cli {

void add_upload(CLI::App& program, int& exit_code) {
    struct Given {
        std::string file, server, name;
    };
    auto given = std::make_shared<Given>();
    CLI::App* command = program.add_subcommand(
        "upload",
        "Send an image to a service, in chunks with checksums. It goes on after a broken connection; when it was "
        "interrupted, run it again.");
    command->add_option("file", given->file, "The image; any format the service can convert")->required();
    command->add_option("--server", given->server, "Address of the service: http://127.0.0.1:8080")->required();
    command->add_option("--name", given->name, "Name of the upload; the file's own by default");
    command->callback([given, &exit_code] {
        if (given->name.empty()) given->name = std::filesystem::path(given->file).filename();
        exit_code = send_upload(given->file, given->server, given->name);
    });
}

}  // namespace cli
