// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/image_arguments.hpp"

namespace cli {
namespace {

// Runs of one kind, joined over what a reader gives in pieces.
template <class Function>
void each_extent(formats::BlockSource& disk, const Function& function) {
    formats::Extent run{0, 0, false};
    for (std::uint64_t offset = 0; offset < disk.virtual_size();) {
        const formats::Extent extent = disk.extent_at(offset);
        if (run.length > 0 && extent.allocated != run.allocated) {
            function(run);
            run = {offset, 0, extent.allocated};
        }
        run.allocated = extent.allocated;
        run.length += extent.length;
        offset += extent.length;
    }
    if (run.length > 0) function(run);
}

}  // namespace

void add_map(CLI::App& program, int& exit_code) {
    struct Arguments {
        ImageArguments image;
        std::string path;
        bool json = false;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = program.add_subcommand("map", "The extents of an image's disks: where data is and where not.");
    command->add_option("file", arguments->path, "The image, a URL, or - for standard input")->required();
    add_image_options(*command, arguments->image);
    command->add_flag("--json", arguments->json, "As JSON");
    command->callback([arguments, &exit_code] {
        exit_code = run_command("map", [&] {
            arguments->image.verify_manifest = false;
            formats::OpenedImage image = open_input(arguments->path, arguments->image);
            boost::json::array all;
            for (std::size_t i = 0; i < image.disks.size(); ++i)
                each_extent(*image.disks[i].source, [&](const formats::Extent& extent) {
                    if (arguments->json)
                        all.push_back({{"disk", i + 1},
                                       {"offset", extent.offset},
                                       {"length", extent.length},
                                       {"allocated", extent.allocated}});
                    else
                        std::cout << i + 1 << " " << extent.offset << " " << extent.length
                                  << (extent.allocated ? " data\n" : " zero\n");
                });
            if (arguments->json) std::cout << boost::json::serialize(all) << "\n";
            return 0;
        });
    });
}

}  // namespace cli
