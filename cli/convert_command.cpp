// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.hpp"
#include "cli/conversion.hpp"

namespace cli {

void add_convert(CLI::App& program, int& exit_code) {
    auto arguments = std::make_shared<ConversionWish>();
    CLI::App* command = program.add_subcommand(
        "convert", "Convert disk images between qcow2, raw, VHD and XVA (VMDK and OVA are read), packed or not.");
    command->add_option("input", arguments->input, "The image, a URL, or - for standard input")->required();
    command
        ->add_option("output", arguments->outputs, "Where it goes, or - ; the ending says the format; may be repeated")
        ->required();
    add_image_options(*command, arguments->image);
    command->add_option("--to", arguments->to,
                        "Format of the output: raw, qcow2, qcow2-zlib, qcow2-zstd, vhd, vhd-fixed, xva; xva.xz …");
    command->add_option("--compress", arguments->compress, "xz, gzip, zstd or none; with a level as in xz:6");
    command->add_option("--jobs", arguments->jobs, "Threads to pack with (one per processor)");
    command->add_option("--disk", arguments->disk, "Of several disks only this one, from 1");
    command->add_option("--zeroes", arguments->zeroes, "find: read the disk once to leave its zeroes out; keep; auto")
        ->check(CLI::IsMember({"auto", "find", "keep"}));
    command->add_flag("--replace", arguments->replace, "Overwrite an output that is there");
    command->add_flag("--sync", arguments->sync, "Return only when the output is on the disk");
    command->add_flag("--digests", arguments->digests, "Write OUTPUT.sha256 beside each output");
    command->add_flag("--nested", arguments->nested,
                      "Write a raw disk even when its content looks like an image itself");
    command->add_flag("--quiet", arguments->quiet, "No progress, no notes");
    command->add_option("--name", arguments->name, "XVA: name of the VM");
    command->add_option("--vcpus", arguments->vcpus, "XVA: virtual processors")->check(CLI::Range(1, 256));
    command->add_option("--memory", arguments->memory_mib, "XVA: MiB of memory")->check(CLI::Range(16, 16 << 20));
    command->add_option("--firmware", arguments->firmware, "XVA: bios, uefi, or auto: as the partition table asks")
        ->check(CLI::IsMember({"auto", "bios", "uefi"}));
    command->add_flag("--template", arguments->is_template, "XVA: import as a template");
    command->callback([arguments, &exit_code] {
        exit_code = run_command("convert", [&] {
            std::ostream silent(nullptr);
            arguments->image.url.quiet = arguments->quiet;
            convert(*arguments, arguments->quiet ? silent : std::cerr);
            return 0;
        });
    });
}

}  // namespace cli
