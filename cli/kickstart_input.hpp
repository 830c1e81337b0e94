// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the `kickstart` commands read: a file, and the bundle its includes are looked up in.
#include <memory>
#include <string>

#include "kickstart/bundle.hpp"
#include "kickstart/parser.hpp"

namespace CLI {
class App;
}

namespace cli {

struct KickstartArguments {
    std::string version, bundle;  // the syntax level; a folder or a tar (also .gz, .xz, .zst), in which the file lies
    bool follow = false;          // includes, without a bundle too: in the working folder when the file lies below it,
                                  // else in the file's own folder
};
void add_kickstart_arguments(CLI::App& command, KickstartArguments& arguments);  // which outlive the command

struct KickstartInput {
    std::string text;
    std::unique_ptr<kickstart::Bundle> bundle;  // when includes are followed
    kickstart::ParseOptions how;
};
KickstartInput open_kickstart(const std::string& file, const KickstartArguments& arguments);  // "-": standard input

}  // namespace cli
