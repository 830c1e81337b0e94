// SPDX-License-Identifier: Apache-2.0
#include "cli/image_arguments.hpp"

#include <array>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "formats/disk/file_disk.hpp"

namespace cli {

void add_image_options(CLI::App& command, ImageArguments& arguments) {
    command.add_option("--from", arguments.from, "Format of the input: raw, qcow2, vhd, vmdk, xva or ova");
    command.add_flag("--force", arguments.force,
                     "With --from raw: take the bytes as they are, whatever they look like");
    command.add_option("--spool", arguments.spool, "Folder for what must be unpacked or kept to be read (/var/tmp)");
    command.add_option("--sha256", arguments.url.sha256, "Digest that an input from a URL must have: 64 hex digits");
    add_url_options(command, arguments.url);
}

formats::OpenedImage open_input(const std::string& path, const ImageArguments& arguments, bool forward) {
    formats::OpenOptions options;
    options.forward = forward;
    options.verify_manifest = arguments.verify_manifest;
    options.spool_folder = arguments.spool;
    if (!arguments.from.empty()) {
        options.declared = formats::format_from(arguments.from);
        if (!options.declared)
            throw std::invalid_argument("--from " + arguments.from + ": raw, qcow2, vhd, vmdk, xva and ova are known");
    }
    if (arguments.force && options.declared != formats::Format::raw)
        throw std::invalid_argument("--force goes with --from raw");
    options.force_raw = arguments.force;
    if (!is_url(path)) {
        if (!arguments.url.sha256.empty())
            throw std::invalid_argument("--sha256 is for inputs from a URL, and " + path + " is none");
        return open_image(path, options);
    }
    FetchedInput fetched = fetch_input(path, arguments.url, arguments.spool);
    return open_image(std::make_shared<formats::FileDisk>(std::move(fetched.file)), fetched.name, options);
}

int run_command(const char* name, const std::function<int()>& work) {
    try {
        return work();
    } catch (const std::invalid_argument& error) {
        std::cerr << "xenkiln " << name << ": " << error.what() << "\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "xenkiln " << name << ": " << error.what() << "\n";
        return 1;
    }
}

std::string human_size(std::uint64_t bytes) {
    constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text.data();
}

}  // namespace cli
