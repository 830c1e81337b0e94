// SPDX-License-Identifier: Apache-2.0
#include "cli/conversion.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "cli/progress_sink.hpp"
#include "formats/disk/fan_out.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/disk/partition_table.hpp"
#include "formats/image/conversion.hpp"
#include "formats/image/plan_output.hpp"
#include "formats/stream/digest.hpp"
#include "formats/stream/output_file.hpp"
#include "formats/stream/sinks.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
using namespace formats;

Packing wished_packing(const std::string& text) {
    try {
        return packing_from(text);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument("--compress " + text + ": " + error.what());
    }
}

OutputKind kind_of(const std::string& output, const ConversionWish& wish) {
    std::optional<OutputKind> kind = wish.to.empty() ? output_kind_by_ending(output) : output_kind_from(wish.to);
    if (!kind)
        throw std::invalid_argument(
            wish.to.empty()
                ? output + ": its ending names no format that is written; type --to F"
                : "--to " + wish.to + ": raw, qcow2, qcow2-zlib, qcow2-zstd, vhd, vhd-fixed and xva are written");
    if (!wish.compress.empty()) {
        const Packing packing = wished_packing(wish.compress);
        if (packing.kind != kind->packing && kind->packing != Compression::none)
            throw std::invalid_argument("--compress " + wish.compress + " contradicts the name " + output);
        kind->packing = packing.kind;
        kind->level = packing.level;
    }
    kind->threads = wish.jobs;
    return *kind;
}

HardwareWish hardware_wish(const ConversionWish& wish) {
    HardwareWish hardware;
    if (!wish.name.empty()) hardware.name = wish.name;
    if (wish.vcpus) hardware.vcpus = wish.vcpus;
    if (wish.memory_mib) hardware.memory_bytes = wish.memory_mib << 20;
    if (wish.firmware != "auto") hardware.firmware = wish.firmware == "uefi" ? Firmware::uefi : Firmware::bios;
    if (wish.is_template) hardware.is_template = true;
    return hardware;
}

// Of a machine that has none else.
std::string name_by(const std::string& input) {
    std::string name = is_url(input) ? name_of_url(input) : fs::path(input).filename().string();
    name = name.substr(0, name.find('.'));
    return name.empty() || input == "-" ? "disk" : name;
}

bool scan_wanted(const OpenedImage& image, const std::string& wish) {
    return wish == "auto" ? worth_a_scan(image) : wish == "find";
}

class Conversion {
public:
    Conversion(const ConversionWish& wish, std::ostream& notes) : wish_(wish), notes_(notes) {}

    void run() {
        if (wish_.outputs.size() > 1 && !wish_.to.empty())
            throw std::invalid_argument("--to names one format; several outputs say theirs by their endings");
        for (const std::string& output : wish_.outputs) kind_of(output, wish_);  // all are known before any
        // A raw disk is written from its first byte to its last, and its size alone is its layout.
        const bool forward = wish_.outputs.size() == 1 && wish_.zeroes != "find" &&
                             kind_of(wish_.outputs.front(), wish_).format == Format::raw;
        image_ = open_input(wish_.input, wish_.image, forward);
        for (const std::string& warning : image_.facts.warnings) notes_ << "note: " << warning << "\n";
        if (image_.spooled)
            notes_ << "note: the input was unpacked or kept in " << wish_.image.spool << " to be read\n";
        const bool scan = scan_wanted(image_, wish_.zeroes);
        if (scan) notes_ << "note: the input has no holes; it is read once to find its zeroes (--zeroes keep: not)\n";
        chosen_ = choose_disks(image_, wish_.disk, scan);
        for (BlockSource* disk : chosen_.disks)
            for (const std::string& problem : partition_table_problems(*disk)) notes_ << "note: " << problem << "\n";
        for (const std::string& output : wish_.outputs)
            if (chosen_.disks.size() == 1 && kind_of(output, wish_).format == Format::raw && !wish_.nested &&
                !wish_.image.force)
                refuse_nested(image_, *chosen_.disks.front(), output, "type --nested to write it");
        const Hardware hardware =
            hardware_of(image_, *chosen_.disks.front(), hardware_wish(wish_), name_by(wish_.input));
        if (wish_.outputs.size() > 1 && chosen_.disks.size() == 1)
            write_all(hardware);
        else
            for (const std::string& output : wish_.outputs) write(output, chosen_.disks, hardware);
        for (const Written& output : written_)
            check_written(std::make_shared<FileDisk>(output.file->again()), output.format, output.disks);
        for (const std::unique_ptr<OutputFile>& file : files_) file->appear();  // all of them are complete
    }

private:
    struct Written {
        OutputFile* file;
        Format format;
        std::vector<BlockSource*> disks;
    };

    // Several outputs of one disk: each on its own thread, the disk is read once for all.
    void write_all(const Hardware& hardware) {
        read_side_by_side(chosen_.disks, wish_.outputs.size(),
                          [&](std::size_t i, const std::vector<BlockSource*>& disks) {
                              write(wish_.outputs[i], disks, hardware, i == 0);
                          });
    }

    void write(const std::string& output, const std::vector<BlockSource*>& disks, const Hardware& hardware,
               bool with_progress = true) {
        const OutputKind kind = kind_of(output, wish_);
        if (kind.format != Format::xva && disks.size() > 1)
            throw std::invalid_argument("the input has " + std::to_string(disks.size()) + " disks, " +
                                        std::string(to_string(kind.format)) + " holds one: choose with --disk N");
        const std::unique_ptr<PlannedOutput> plan = plan_output(kind, disks, hardware);
        for (const std::string& note : plan->notes()) tell(output + ": " + note);
        const int level = kind.level.value_or(levels(kind.packing).standard);
        std::unique_ptr<ByteSink> not_a_file;
        ByteSink& file = open_output(output, kind, plan->file_size(), not_a_file);
        if (!wish_.digests) {
            const auto packed = make_compressor(kind.packing, level, wish_.jobs, file);
            return stream(*plan, *packed, with_progress);
        }
        if (output == "-") throw std::invalid_argument("--digests needs a name to write the digest beside");
        if (kind.packing == Compression::none && (kind.format == Format::raw || kind.fixed))
            tell(output + ": a digest of the whole file costs its virtual size");
        OutputFile& beside = new_file(output + ".sha256");
        DigestSink digest{DigestKind::sha256};
        TeeSink both(file, digest);
        const auto packed = make_compressor(kind.packing, level, wish_.jobs, both);
        stream(*plan, *packed, with_progress);
        const std::string line = digest.hex(DigestKind::sha256) + "  " + fs::path(output).filename().string() + "\n";
        beside.write(std::as_bytes(std::span(line)));
        beside.finish();
    }

    void stream(PlannedOutput& plan, ByteSink& sink, bool with_progress) {
        const bool shown = with_progress && !wish_.quiet && ::isatty(STDERR_FILENO);
        ProgressSink progress(sink, plan.file_size(), shown);
        plan.write(progress);
        progress.finish();
    }

    void tell(const std::string& note) {
        const std::lock_guard lock(telling_);
        notes_ << "note: " << note << "\n";
    }

    OutputFile& new_file(const std::string& path) {
        auto file = std::make_unique<OutputFile>(path, OutputFileOptions{wish_.replace, wish_.sync, true});
        const std::lock_guard lock(telling_);
        return *files_.emplace_back(std::move(file));
    }

    ByteSink& open_output(const std::string& output, const OutputKind& kind, std::uint64_t size,
                          std::unique_ptr<ByteSink>& not_a_file) {
        struct stat status {};
        if (output == "-") {
            not_a_file = std::make_unique<PipeSink>(File(::dup(STDOUT_FILENO), "standard output"));
        } else if (::stat(output.c_str(), &status) == 0 && S_ISBLK(status.st_mode)) {
            if (kind.format != Format::raw || kind.packing != Compression::none)
                throw std::invalid_argument(output + " is a block device: only raw goes there");
            not_a_file = open_device_sink(output, size);
        } else if (status.st_mode != 0 && !S_ISREG(status.st_mode)) {
            not_a_file = std::make_unique<PipeSink>(File(::open(output.c_str(), O_WRONLY | O_CLOEXEC), output));
        } else {
            if (status.st_mode != 0 && !wish_.replace)
                throw std::runtime_error(output + " is there already; --replace overwrites it");
            OutputFile& file = new_file(output);
            const std::lock_guard lock(telling_);
            if (kind.format != Format::raw && kind.packing == Compression::none)
                written_.push_back({&file, kind.format, chosen_.disks});
            return file;
        }
        return *not_a_file;
    }

    const ConversionWish& wish_;
    std::ostream& notes_;
    std::mutex telling_;  // also for files_ and written_
    OpenedImage image_;
    ChosenDisks chosen_;
    std::vector<Written> written_;
    std::vector<std::unique_ptr<OutputFile>> files_;  // behind image_: their threads read from it to their end
};

}  // namespace

void convert(const ConversionWish& wish, std::ostream& notes) {
    Conversion(wish, notes).run();
}

}  // namespace cli
