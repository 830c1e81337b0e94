// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "server/serve.hpp"

namespace cli {

void add_serve(CLI::App& program, int& exit_code) {
    auto config = std::make_shared<server::Config>(server::default_config());
    CLI::App* command = program.add_subcommand("serve", "Run the service: REST API, build queue and catalog.");
    command
        ->add_option("--listen", config->listen_address,
                     "Address to listen on; a loopback address until there are access tokens")
        ->capture_default_str();
    command->add_option("--port", config->port, "Port; 0 takes any free one and prints it")->capture_default_str();
    command->add_option("--data", config->data, "Folder of catalog, store, jobs and signing key")
        ->capture_default_str();
    command->add_option("--public-url", config->public_url, "How users reach the catalog, for the commands it shows");
    command->add_option("--jobs", config->parallel_jobs, "Builds that run at once")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command->callback([config, &exit_code] { exit_code = server::serve(*config); });
}

}  // namespace cli
