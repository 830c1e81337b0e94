// SPDX-License-Identifier: Apache-2.0
#pragma once
// The subcommands of `xenkiln`, one source file each. Each adds itself to the program; when it was chosen,
// `exit_code` is what it ended with: 0 done, 1 refused or failed, 2 usage.
namespace CLI {
class App;
}
namespace builders {
struct BuildHost;
}

namespace cli {

void add_serve(CLI::App& program, int& exit_code);
void add_build(CLI::App& program, int& exit_code);
CLI::App& add_kickstart(CLI::App& program, int& exit_code);  // with parse and lint; returns the group
void add_kickstart_lint(CLI::App& group, int& exit_code);
void add_kickstart_plan(CLI::App& group, int& exit_code);
void add_verify(CLI::App& program, int& exit_code);
void add_convert(CLI::App& program, int& exit_code);
void add_inspect(CLI::App& program, int& exit_code);
void add_map(CLI::App& program, int& exit_code);
void add_check(CLI::App& program, int& exit_code);
void add_compare(CLI::App& program, int& exit_code);
void add_download(CLI::App& program, int& exit_code);
void add_upload(CLI::App& program, int& exit_code);

// What the operator allows builds on this machine, for `serve` and `build` alike; `host` outlives the command.
void add_host_options(CLI::App& command, builders::BuildHost& host);

}  // namespace cli
