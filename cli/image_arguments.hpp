// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the commands on images have in common: how an input is named and opened, and how a failure is
// told.
#include <functional>
#include <string>

#include "cli/url_input.hpp"
#include "formats/image/open_image.hpp"

namespace CLI {
class App;
}

namespace cli {

struct ImageArguments {
    std::string from;  // --from
    bool force = false;
    std::string spool = "/var/tmp";
    bool verify_manifest = true;
    UrlArguments url;
};
// --from, --force, --spool, and those of inputs that are URLs.
void add_image_options(CLI::App& command, ImageArguments& arguments);

// An http(s) address is fetched first. `forward`: see OpenOptions. Throws std::invalid_argument for an unknown --from.
formats::OpenedImage open_input(const std::string& path, const ImageArguments& arguments, bool forward = false);

// Runs `work` and prints what it throws as "xenkiln COMMAND: …": 0 … done, 1 refused or failed, 2 usage.
int run_command(const char* name, const std::function<int()>& work);

std::string human_size(std::uint64_t bytes);  // "1.5 GiB"

}  // namespace cli
