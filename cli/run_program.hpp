// SPDX-License-Identifier: Apache-2.0
#pragma once
// What both programs of the command do with their arguments.
#include <functional>

namespace CLI {
class App;
}

namespace cli {

// Parses and runs what `add` put into the program. Returns the exit code: 0 done, 1 refused or failed, 2 usage. What
// could not be printed is a failure, told on standard error; a reader of standard output that left before the end is
// none: then the process ends quietly, of SIGPIPE, unless its parent ignores that signal.
int run_program(int argc, char** argv, const std::function<void(CLI::App& program, int& exit_code)>& add);

}  // namespace cli
