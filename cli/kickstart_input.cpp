// SPDX-License-Identifier: Apache-2.0
#include "cli/kickstart_input.hpp"

#include <algorithm>
#include <array>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "formats/stream/compress.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_bundle = 256U << 20;

class TextSource : public formats::ByteSource {
public:
    explicit TextSource(std::string_view text) : left_(std::as_bytes(std::span(text))) {}
    std::size_t read(std::span<std::byte> out) override {
        const std::size_t size = std::min(out.size(), left_.size());
        std::copy_n(left_.begin(), size, out.begin());
        left_ = left_.subspan(size);
        return size;
    }

private:
    std::span<const std::byte> left_;
};

std::string unpacked(std::string bytes) {
    const auto kind =
        formats::detect_compression(std::as_bytes(std::span(bytes).first(std::min<std::size_t>(bytes.size(), 16))));
    if (kind == formats::Compression::none) return bytes;
    TextSource packed(bytes);
    const auto source = formats::make_decompressor(kind, packed, largest_bundle);
    std::string text;
    std::array<char, 1U << 16> buffer{};
    while (const std::size_t size = source->read(std::as_writable_bytes(std::span(buffer))))
        text.append(buffer.data(), size);
    return text;
}

// `file` as seen from `folder`, when it lies in it.
std::string name_in(const fs::path& folder, const std::string& file) {
    const std::string name = fs::relative(fs::absolute(file), folder).lexically_normal().string();
    return kickstart::path_in_bundle(name).value_or("");
}

std::string read_kickstart(const std::string& path) {
    if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    if (!fs::is_regular_file(path) && !fs::is_fifo(path) && fs::exists(path))
        throw std::runtime_error(path + " is not a file");
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void open_bundle(const std::string& bundle, const std::string& file, KickstartInput& opened) {
    if (!bundle.empty() && !fs::is_directory(bundle)) {
        opened.bundle = std::make_unique<kickstart::TarBundle>(unpacked(read_kickstart(bundle)));
        opened.how.file = kickstart::path_in_bundle(file).value_or("");
        const auto text = opened.bundle->read(opened.how.file);
        if (!text) throw std::runtime_error("there is no file " + file + " in " + bundle);
        opened.text = *text;
        return;
    }
    fs::path top = bundle.empty() ? fs::current_path() : fs::path(bundle);
    if (file == "-")
        opened.how.file = file;
    else if (!bundle.empty() || top != top.root_path())  // the root folder is nobody's bundle
        opened.how.file = name_in(fs::absolute(top), file);
    if (opened.how.file.empty() && !bundle.empty()) {
        // A name that is relative to the bundle.
        opened.how.file = kickstart::path_in_bundle(file).value_or("");
        if (opened.how.file.empty() || !fs::exists(top / opened.how.file))
            throw std::runtime_error(file + " does not lie in the bundle " + bundle);
        opened.text = read_kickstart((top / opened.how.file).string());
    } else {
        if (opened.how.file.empty()) {
            top = fs::absolute(file).parent_path();
            opened.how.file = fs::path(file).filename().string();
        }
        opened.text = read_kickstart(file);
    }
    opened.bundle = std::make_unique<kickstart::FolderBundle>(top.string());
}

}  // namespace

void add_kickstart_arguments(CLI::App& command, KickstartArguments& arguments) {
    command.add_option("--ks-version", arguments.version,
                       "Syntax level, RHEL5 to RHEL10, F9 to F45 or kickseed; default: the file's #version=, else the"
                       " level that reads it best");
    command.add_flag("--follow", arguments.follow, "Follow %include within the working folder or the file's folder");
    command.add_option("--bundle", arguments.bundle,
                       "Follow %include within this folder or tar, in which the file lies");
}

KickstartInput open_kickstart(const std::string& file, const KickstartArguments& arguments) {
    KickstartInput opened;
    if (arguments.follow || !arguments.bundle.empty()) {
        open_bundle(arguments.bundle, file, opened);
        opened.how.bundle = opened.bundle.get();
    } else {
        opened.text = read_kickstart(file);
        opened.how.file = file;
    }
    opened.how.version = arguments.version;
    return opened;
}

}  // namespace cli
