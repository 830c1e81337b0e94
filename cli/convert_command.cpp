// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cli/commands.hpp"
#include "cli/image_arguments.hpp"
#include "cli/progress_sink.hpp"
#include "formats/disk/boot_firmware.hpp"
#include "formats/disk/fan_out.hpp"
#include "formats/disk/scanned_disk.hpp"
#include "formats/plan_output.hpp"
#include "formats/stream/digest.hpp"
#include "formats/stream/output_file.hpp"
#include "formats/stream/sinks.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
using namespace formats;

struct Arguments {
    ImageArguments image;
    std::string input;
    std::vector<std::string> outputs;
    std::string to, compress, zeroes = "auto";
    unsigned jobs = 0;
    std::size_t disk = 0;  // from 1; 0: all
    bool replace = false, sync = false, digests = false, quiet = false;
    std::string name, firmware = "auto";
    std::uint32_t vcpus = 0;
    std::uint64_t memory_mib = 0;
    bool is_template = false;
};

OutputKind kind_of(const std::string& output, const Arguments& arguments) {
    std::optional<OutputKind> kind =
        arguments.to.empty() ? output_kind_by_ending(output) : output_kind_from(arguments.to);
    if (!kind)
        throw std::invalid_argument(
            arguments.to.empty()
                ? output + ": its ending names no format that is written; type --to F"
                : "--to " + arguments.to + ": raw, qcow2, qcow2-zlib, qcow2-zstd, vhd, vhd-fixed and xva are written");
    if (!arguments.compress.empty()) {
        const std::size_t colon = arguments.compress.find(':');
        const auto packing = compression_from(arguments.compress.substr(0, colon));
        if (!packing)
            throw std::invalid_argument("--compress " + arguments.compress + ": xz, gzip, zstd and none are known");
        if (*packing != kind->packing && kind->packing != Compression::none)
            throw std::invalid_argument("--compress " + arguments.compress + " contradicts the name " + output);
        kind->packing = *packing;
        if (colon != std::string::npos) {
            const std::string digits = arguments.compress.substr(colon + 1);
            if (digits.empty() || digits.size() > 2 || digits.find_first_not_of("0123456789") != std::string::npos)
                throw std::invalid_argument("--compress " + arguments.compress + ": the level is not a number");
            kind->level = std::stoi(digits);
        }
    }
    kind->threads = arguments.jobs;
    return *kind;
}

Hardware hardware_of(const OpenedImage& image, BlockSource& first, const Arguments& arguments) {
    Hardware hardware = image.hardware.value_or(Hardware{});
    if (!image.hardware) hardware.firmware = boot_firmware(first);
    if (!arguments.name.empty()) hardware.name = arguments.name;
    if (hardware.name.empty()) {
        hardware.name = fs::path(arguments.input).filename().string();
        hardware.name = hardware.name.substr(0, hardware.name.find('.'));
        if (hardware.name.empty() || arguments.input == "-") hardware.name = "disk";
    }
    if (arguments.vcpus) hardware.vcpus = arguments.vcpus;
    if (arguments.memory_mib) hardware.memory_bytes = arguments.memory_mib << 20;
    if (arguments.firmware != "auto")
        hardware.firmware = arguments.firmware == "uefi" ? Firmware::uefi : Firmware::bios;
    hardware.is_template = hardware.is_template || arguments.is_template;
    return hardware;
}

// A raw source without one hole says nothing about its zeroes: it is read once to find them.
bool worth_a_scan(const OpenedImage& image, const std::string& wish) {
    if (wish != "auto") return wish == "find";
    if (image.format != Format::raw) return false;
    BlockSource& disk = *image.disks.front().source;
    const Extent first = disk.extent_at(0);
    return first.allocated && first.length == disk.virtual_size();
}

void write_digest(const fs::path& output, const DigestSink& digest, bool replace) {
    OutputFile file(output.string() + ".sha256", {replace, false});
    const std::string line = digest.hex(DigestKind::sha256) + "  " + output.filename().string() + "\n";
    file.write(std::as_bytes(std::span(line)));
    file.finish();
}

class Conversion {
public:
    Conversion(const Arguments& arguments, std::ostream& notes) : arguments_(arguments), notes_(notes) {}

    void run() {
        if (arguments_.outputs.size() > 1 && !arguments_.to.empty())
            throw std::invalid_argument("--to names one format; several outputs say theirs by their endings");
        for (const std::string& output : arguments_.outputs) kind_of(output, arguments_);  // all are known before any
        image_ = open_input(arguments_.input, arguments_.image);
        for (const std::string& warning : image_.facts.warnings) notes_ << "note: " << warning << "\n";
        if (image_.spooled)
            notes_ << "note: the input was unpacked or kept in " << arguments_.image.spool << " to be read\n";
        choose_disks();
        const Hardware hardware = hardware_of(image_, *disks_.front(), arguments_);
        if (arguments_.outputs.size() > 1 && disks_.size() == 1) return write_all(hardware);
        for (const std::string& output : arguments_.outputs) write(output, disks_, hardware);
    }

private:
    void choose_disks() {
        if (arguments_.disk > image_.disks.size())
            throw std::invalid_argument("--disk " + std::to_string(arguments_.disk) + ": the input has " +
                                        std::to_string(image_.disks.size()));
        if (worth_a_scan(image_, arguments_.zeroes)) {
            notes_ << "note: the input has no holes; it is read once to find its zeroes (--zeroes keep: not)\n";
            for (OpenedDisk& disk : image_.disks) scanned_.push_back(std::make_unique<ScannedDisk>(*disk.source));
        }
        for (std::size_t i = 0; i < image_.disks.size(); ++i)
            if (arguments_.disk == 0 || arguments_.disk == i + 1)
                disks_.push_back(scanned_.empty() ? image_.disks[i].source.get() : scanned_[i].get());
    }

    // Several outputs of one disk: each on its own thread, the disk is read once for all.
    void write_all(const Hardware& hardware) {
        FanOut fan(*disks_.front(), arguments_.outputs.size());
        std::vector<std::future<void>> running;
        for (std::size_t i = 0; i < arguments_.outputs.size(); ++i)
            running.push_back(std::async(std::launch::async, [this, i, &fan, &hardware] {
                try {
                    write(arguments_.outputs[i], {&fan.reader(i)}, hardware, i == 0);
                    fan.done(i);
                } catch (...) {
                    fan.cancel();
                    throw;
                }
            }));
        std::exception_ptr first, cancelled;
        for (std::future<void>& one : running) {
            try {
                one.get();
            } catch (const Cancelled&) {
                cancelled = std::current_exception();
            } catch (...) {
                if (!first) first = std::current_exception();
            }
        }
        if (!first) first = cancelled;
        if (first) std::rethrow_exception(first);
    }

    void write(const std::string& output, const std::vector<BlockSource*>& disks, const Hardware& hardware,
               bool with_progress = true) {
        const OutputKind kind = kind_of(output, arguments_);
        if (kind.format != Format::xva && disks.size() > 1)
            throw std::invalid_argument("the input has " + std::to_string(disks.size()) + " disks, " +
                                        std::string(to_string(kind.format)) + " holds one: choose with --disk N");
        const std::unique_ptr<PlannedOutput> plan = plan_output(kind, disks, hardware);
        for (const std::string& note : plan->notes()) tell(output + ": " + note);
        const std::unique_ptr<ByteSink> file = open_output(output, kind, plan->file_size());
        const int level = kind.level.value_or(levels(kind.packing).standard);
        if (!arguments_.digests) {
            const auto packed = make_compressor(kind.packing, level, arguments_.jobs, *file);
            return stream(*plan, *packed, with_progress);
        }
        if (output == "-") throw std::invalid_argument("--digests needs a name to write the digest beside");
        if (kind.packing == Compression::none && (kind.format == Format::raw || kind.fixed))
            tell(output + ": a digest of the whole file costs its virtual size");
        DigestSink digest{DigestKind::sha256};
        TeeSink both(*file, digest);
        const auto packed = make_compressor(kind.packing, level, arguments_.jobs, both);
        stream(*plan, *packed, with_progress);
        write_digest(output, digest, arguments_.replace);
    }

    void stream(PlannedOutput& plan, ByteSink& sink, bool with_progress) {
        const bool shown = with_progress && !arguments_.quiet && ::isatty(STDERR_FILENO);
        ProgressSink progress(sink, plan.file_size(), shown);
        plan.write(progress);
        progress.finish();
    }

    void tell(const std::string& note) {
        const std::lock_guard lock(telling_);
        notes_ << "note: " << note << "\n";
    }

    std::unique_ptr<ByteSink> open_output(const std::string& output, const OutputKind& kind, std::uint64_t size) {
        if (output == "-") return std::make_unique<PipeSink>(File(::dup(STDOUT_FILENO), "standard output"));
        struct stat status {};
        if (::stat(output.c_str(), &status) == 0) {
            if (S_ISBLK(status.st_mode)) {
                if (kind.format != Format::raw || kind.packing != Compression::none)
                    throw std::invalid_argument(output + " is a block device: only raw goes there");
                return open_device_sink(output, size);
            }
            if (!S_ISREG(status.st_mode))
                return std::make_unique<PipeSink>(File(::open(output.c_str(), O_WRONLY | O_CLOEXEC), output));
            if (!arguments_.replace) throw std::runtime_error(output + " is there already; --replace overwrites it");
        }
        return std::make_unique<OutputFile>(output, OutputFileOptions{arguments_.replace, arguments_.sync});
    }

    const Arguments& arguments_;
    std::ostream& notes_;
    std::mutex telling_;
    OpenedImage image_;
    std::vector<std::unique_ptr<ScannedDisk>> scanned_;
    std::vector<BlockSource*> disks_;
};

}  // namespace

void add_convert(CLI::App& program, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = program.add_subcommand(
        "convert", "Disk images between qcow2, raw, VHD and XVA (VMDK and OVA are read), packed or not.");
    command->add_option("input", arguments->input, "The image, or - for standard input")->required();
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
            Conversion(*arguments, arguments->quiet ? silent : std::cerr).run();
            return 0;
        });
    });
}

}  // namespace cli
