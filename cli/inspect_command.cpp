// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/image_arguments.hpp"
#include "formats/disk/disk_digest.hpp"
#include "formats/disk/partition_table.hpp"
#include "formats/disk/scanned_disk.hpp"
#include "formats/machine/boot_firmware.hpp"

namespace cli {
namespace {

namespace json = boost::json;
using namespace formats;

std::vector<std::string> warnings_of(OpenedImage& image) {
    std::vector<std::string> warnings = image.facts.warnings;
    for (std::size_t i = 0; i < image.disks.size(); ++i)
        for (const std::string& problem : partition_table_problems(*image.disks[i].source))
            warnings.push_back("disk " + std::to_string(i + 1) + ": " + problem);
    if (image.spooled) warnings.emplace_back("the input was unpacked or kept in a spool file to be read");
    return warnings;
}

json::object describe(const std::string& path, OpenedImage& image, bool digest) {
    json::object result{{"file", path},
                        {"format", to_string(image.format)},
                        {"packing", to_string(image.packing)},
                        {"file_size", image.file_size}};
    json::array disks;
    for (OpenedDisk& disk : image.disks) {
        json::object one;
        if (!disk.name.empty()) one["name"] = disk.name;
        one["virtual_size"] = disk.source->virtual_size();
        one["allocated"] = allocated_bytes(*disk.source);
        const BootWays ways = boot_ways(*disk.source);
        one["boot_firmware"] = ways.bios && ways.uefi ? "bios or uefi"
                               : ways.bios            ? "bios"
                               : ways.uefi            ? "uefi"
                                                      : "none";
        if (digest) one["disk_digest"] = disk_digest(*disk.source);
        disks.push_back(std::move(one));
    }
    result["disks"] = std::move(disks);
    json::object features;
    for (const auto& [name, value] : image.facts.features) features[name] = value;
    result["features"] = std::move(features);
    if (image.hardware)
        result["hardware"] = {{"name", image.hardware->name},
                              {"vcpus", image.hardware->vcpus},
                              {"memory", image.hardware->memory_bytes},
                              {"firmware", image.hardware->firmware == Firmware::uefi ? "uefi" : "bios"},
                              {"network_interfaces", image.hardware->network_interfaces},
                              {"template", image.hardware->is_template}};
    json::array warnings;
    for (const std::string& warning : warnings_of(image)) warnings.emplace_back(warning);
    result["warnings"] = std::move(warnings);
    return result;
}

std::string text_of(const json::value& value) {
    return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

std::string boots_by(const std::string& firmware) {
    return firmware == "none" ? "no firmware (neither boot code nor an EFI system partition)" : firmware;
}

void print(const json::object& image) {
    const auto size = [](const json::value& bytes) {
        return text_of(bytes) + " bytes (" + human_size(bytes.to_number<std::uint64_t>()) + ")";
    };
    std::cout << "file: " << text_of(image.at("file")) << "\nformat: " << text_of(image.at("format"))
              << "\npacking: " << text_of(image.at("packing")) << "\nfile size: " << size(image.at("file_size"))
              << "\n";
    std::size_t number = 0;
    for (const json::value& value : image.at("disks").as_array()) {
        const json::object& disk = value.as_object();
        std::cout << "disk " << ++number << (disk.contains("name") ? " " + text_of(disk.at("name")) : "")
                  << ":\n  virtual size: " << size(disk.at("virtual_size"))
                  << "\n  allocated: " << size(disk.at("allocated"))
                  << "\n  boots by: " << boots_by(text_of(disk.at("boot_firmware"))) << "\n";
        if (disk.contains("disk_digest")) std::cout << "  disk digest: " << text_of(disk.at("disk_digest")) << "\n";
    }
    for (const auto& [name, value] : image.at("features").as_object())
        std::cout << std::string(name) << ": " << text_of(value) << "\n";
    if (image.contains("hardware"))
        for (const auto& [name, value] : image.at("hardware").as_object())
            std::cout << "VM " << std::string(name) << ": " << text_of(value) << "\n";
    for (const json::value& warning : image.at("warnings").as_array())
        std::cout << "warning: " << text_of(warning) << "\n";
}

}  // namespace

void add_inspect(CLI::App& program, int& exit_code) {
    struct Arguments {
        ImageArguments image;
        std::string path;
        bool json = false, no_digest = false;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = program.add_subcommand(
        "inspect", "Format, sizes, allocation, features, hardware, warnings and the disk digest of an image.");
    command->add_option("file", arguments->path, "The image, a URL, or - for standard input")->required();
    add_image_options(*command, arguments->image);
    command->add_flag("--json", arguments->json, "As JSON");
    command->add_flag("--no-digest", arguments->no_digest,
                      "Without the disk digest and an OVA's manifest, which read all data");
    command->callback([arguments, &exit_code] {
        exit_code = run_command("inspect", [&] {
            arguments->image.verify_manifest = !arguments->no_digest;
            OpenedImage image = open_input(arguments->path, arguments->image);
            const json::object result = describe(arguments->path, image, !arguments->no_digest);
            if (arguments->json)
                std::cout << json::serialize(result) << "\n";
            else
                print(result);
            return 0;
        });
    });
}

}  // namespace cli
