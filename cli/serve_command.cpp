// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "builders/sandbox/control_group.hpp"
#include "cli/commands.hpp"
#include "cli/privileges.hpp"
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
    command->add_option("--jobs", config->parallel_jobs, "Builds and conversions that run at once")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command->add_flag("--allow-open-network", config->host.open_network,
                      "Let recipes ask for network=open: their scripts then reach what this machine reaches");
    add_host_options(*command, config->host);
    builders::Limits& limits = config->host.limits;
    command->add_option("--build-memory", limits.memory, "Most memory of a build's processes together")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str();
    command->add_option("--build-processes", limits.processes, "Most processes and threads of a build")
        ->check(CLI::Range(64, 1 << 20))
        ->capture_default_str();
    command->add_option("--build-seconds", limits.seconds, "Most seconds of one step of a build")
        ->check(CLI::Range(1, 1 << 24))
        ->capture_default_str();
    command->add_option("--upload-size", config->upload_bytes, "Most bytes of one upload")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str();
    command->add_option("--upload-count", config->upload_count, "Most uploads kept at once, unfinished ones too")
        ->check(CLI::Range(0, 100000))
        ->capture_default_str();
    command
        ->add_option("--upload-seconds", config->upload_seconds,
                     "How long an upload is kept after its last byte came or it was last used")
        ->check(CLI::Range(1, 1 << 30))
        ->capture_default_str();
    command->add_option("--queued-jobs", config->queued_jobs, "Most jobs that wait; one more is refused (429)")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    command
        ->add_option("--connections", config->connections,
                     "Most connections at once; the one that has been idle longest is closed for a new one")
        ->check(CLI::Range(8, 1 << 20))
        ->capture_default_str();
    command->add_option("--connections-per-address", config->connections_per_address, "Most of one client address")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command
        ->add_option("--proxy", config->proxies,
                     "An address that is many clients, and has no such share; repeatable, replaces the default")
        ->capture_default_str();
    command
        ->add_option("--stop-seconds", config->stop_seconds,
                     "How long transfers may go on after SIGTERM or ^C; a second one ends them at once")
        ->check(CLI::Range(0, 86400))
        ->capture_default_str();
    auto user = std::make_shared<std::string>("xenkiln");
    command->add_option("--user", *user, "Whom to become when started as root")->capture_default_str();
    const CLI::Option* data = command->get_option("--data");
    command->callback([config, user, data, &exit_code] {
        become_ordinary_user(*user);
        builders::divide_control_group();
        if (data->count() == 0) config->data = server::default_config().data;  // that user's own
        exit_code = server::serve(*config);
    });
}

}  // namespace cli
