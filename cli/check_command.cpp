// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/image_arguments.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/vhd/vhd.hpp"

namespace cli {
namespace {

using namespace formats;

// Every allocated byte: compressed parts unpack, the checksums of an XVA match.
std::uint64_t read_all(BlockSource& disk) {
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    std::uint64_t bytes = 0;
    for (std::uint64_t offset = 0; offset < disk.virtual_size();) {
        const Extent extent = disk.extent_at(offset);
        const std::uint64_t end = offset + extent.length;
        while (extent.allocated && offset < end) {
            const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - offset));
            disk.read_at(offset, part);
            offset += part.size();
            bytes += part.size();
        }
        offset = end;
    }
    return bytes;
}

int check(const std::string& path, const ImageArguments& arguments) {
    OpenedImage image = open_input(path, arguments);  // refuses what is wrong with the structure
    std::uint64_t errors = 0;
    if (image.format == Format::qcow2) {
        const qcow2::CheckReport report = qcow2::check_qcow2(*image.file);
        for (const std::string& error : report.errors) std::cout << "error: " << error << "\n";
        if (report.leaked > 0) std::cout << "leaked clusters: " << report.leaked << " (room lost, no data)\n";
        std::cout << "clusters in use: " << report.clusters_used << "\n";
        errors += report.error_count;
    }
    if (image.format == Format::vhd)
        for (const std::string& error : vhd::check_vhd(*image.file)) {
            std::cout << "error: " << error << "\n";
            ++errors;
        }
    for (const OpenedDisk& disk : image.disks)
        std::cout << "read " << read_all(*disk.source) << " of " << disk.source->virtual_size() << " bytes\n";
    for (const std::string& warning : image.facts.warnings) std::cout << "warning: " << warning << "\n";
    std::cout << path << ": " << to_string(image.format) << ", "
              << (errors ? std::to_string(errors) + " errors" : std::string("no errors")) << "\n";
    return errors ? 1 : 0;
}

}  // namespace

void add_check(CLI::App& program, int& exit_code) {
    auto arguments = std::make_shared<ImageArguments>();
    auto path = std::make_shared<std::string>();
    CLI::App* command = program.add_subcommand(
        "check", "Structure, refcounts, leaks and checksums of an image; reads everything that is allocated.");
    command->add_option("file", *path, "The image, a URL, or - for standard input")->required();
    add_image_options(*command, *arguments);
    command->callback(
        [arguments, path, &exit_code] { exit_code = run_command("check", [&] { return check(*path, *arguments); }); });
}

}  // namespace cli
