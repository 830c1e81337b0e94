// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/image_arguments.hpp"
#include "formats/disk/compare_disks.hpp"

namespace cli {
namespace {

int compare(formats::OpenedImage a, formats::OpenedImage b) {
    if (a.disks.size() != b.disks.size()) {
        std::cout << "different: " << a.disks.size() << " and " << b.disks.size() << " disks\n";
        return 1;
    }
    for (std::size_t i = 0; i < a.disks.size(); ++i) {
        formats::BlockSource &left = *a.disks[i].source, &right = *b.disks[i].source;
        if (const auto place = first_difference(left, right)) {
            std::cout << "different: disk " << i + 1 << " at byte " << *place << "\n";
            return 1;
        }
        if (left.virtual_size() != right.virtual_size())
            std::cout << "note: disk " << i + 1 << " has " << left.virtual_size() << " and " << right.virtual_size()
                      << " bytes; what the larger has more is zero\n";
    }
    std::cout << "same content\n";
    return 0;
}

}  // namespace

void add_compare(CLI::App& program, int& exit_code) {
    struct Arguments {
        ImageArguments a, b;
        std::string first, second;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = program.add_subcommand("compare", "Do two images, of any formats, hold the same disks?");
    command->add_option("a", arguments->first, "One image, or its URL")->required();
    command->add_option("b", arguments->second, "The other, or its URL")->required();
    add_image_options(*command, arguments->a);
    command->add_option("--from-b", arguments->b.from, "Format of the second input");
    command->add_option("--sha256-b", arguments->b.url.sha256, "Digest of the second input, when it is a URL");
    command->callback([arguments, &exit_code] {
        exit_code = run_command("compare", [&] {
            arguments->b.spool = arguments->a.spool;
            const std::string sha256_b = arguments->b.url.sha256;
            arguments->b.url = arguments->a.url;
            arguments->b.url.sha256 = sha256_b;
            return compare(open_input(arguments->first, arguments->a), open_input(arguments->second, arguments->b));
        });
    });
}

}  // namespace cli
