// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "formats/stream/compress.hpp"
#include "formats/stream/file_source.hpp"
#include "formats/xva/xva_reader.hpp"

namespace cli {
namespace {

// Gives the bytes that were looked at back before the rest.
class Peeked : public formats::ByteSource {
public:
    explicit Peeked(formats::ByteSource& from) : from_(from) {
        while (have_ < first_.size())
            if (const std::size_t got = from_.read(std::span(first_).subspan(have_)))
                have_ += got;
            else
                break;
    }
    std::span<const std::byte> first() const { return std::span(first_).first(have_); }
    std::size_t read(std::span<std::byte> out) override {
        if (at_ == have_) return from_.read(out);
        const std::size_t count = std::min(out.size(), have_ - at_);
        std::copy_n(first_.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
        at_ += count;
        return count;
    }

private:
    formats::ByteSource& from_;
    std::array<std::byte, 16> first_{};
    std::size_t have_ = 0, at_ = 0;
};

int verify(const std::string& path) {
    formats::FileSource file(path == "-" ? formats::File(0, "standard input") : formats::File::open_read(path));
    Peeked peeked(file);
    const formats::Compression kind = formats::detect_compression(peeked.first());
    const auto plain = formats::make_decompressor(kind, peeked);
    try {
        const formats::xva::XvaReport report = formats::xva::read_xva(*plain);
        std::cout << path << ": every block verified (" << to_string(kind) << ", " << report.file_size
                  << " bytes unpacked)\n"
                  << "  VM \"" << report.hardware.name << "\": " << report.hardware.vcpus << " vCPU, "
                  << (report.hardware.memory_bytes >> 20) << " MiB, "
                  << (report.hardware.firmware == formats::Firmware::uefi ? "UEFI" : "BIOS")
                  << (report.hardware.is_template ? ", template" : "") << "\n";
        for (const auto& disk : report.disks)
            std::cout << "  " << disk.reference << ": " << disk.virtual_size << " bytes, " << disk.chunks
                      << " blocks with data (" << disk.allocated << " bytes), " << disk.checksum << "\n";
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "xenkiln verify: " << path << ": " << error.what() << "\n";
        return 1;
    }
}

}  // namespace

void add_verify(CLI::App& program, int& exit_code) {
    auto path = std::make_shared<std::string>();
    CLI::App* command = program.add_subcommand(
        "verify", "Check every block of an XVA, plain or packed with xz, gzip or zstd, before it is imported.");
    command->add_option("file", *path, "FILE.xva, .xva.xz, .xva.gz or .xva.zst, or - for standard input")->required();
    command->callback([path, &exit_code] { exit_code = verify(*path); });
}

}  // namespace cli
