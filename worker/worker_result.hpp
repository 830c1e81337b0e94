// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a worker leaves behind: files in its out/ folder and a result.json that speaks of them. The worker writes both;
// the service reads the second as somebody's word. Nothing here knows the catalog, the store or the signing key: these
// are the worker's.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/hex_digest.hpp"
#include "formats/image/plan_output.hpp"

namespace worker {

struct Product {            // one file made by the worker, complete and synced
    std::string file_name;  // relative to the out folder; product_name(release_name, format)
    std::string format;     // "xva.xz", "vhd-fixed", "ova.xml"
    std::uint64_t size;
    formats::Sha256 sha256;
    formats::Md5 md5;
    std::uint64_t image_size = 0;  // of the uncompressed image; 0, and no digests, of what is no image
    std::optional<formats::Sha256> image_sha256 = {};
    std::optional<formats::Md5> image_md5 = {};
};

struct WorkerResult {
    std::string release_name;  // "debian-12-20261121-pvhvm"
    std::string title;
    std::string details;  // JSON object for Release::details
    std::vector<Product> products;
};

// What the service knows before it reads a result, because it asked for it.
struct Asked {
    std::string release_name;
    std::string title;  // of a build; how a conversion's begins, which goes on with its source's name
    bool conversion = false;
    std::vector<std::string> images;  // formats, each wanted once: "xva.xz", "vhd"
};

constexpr std::uint64_t most_result = std::uint64_t{8} << 20;  // bytes of a result.json

// How the file of a format is called: "x.xva.xz", "x.vhd", "x-fixed.vhd", "x.ova.xml". What lies behind the last dots
// is what others know the format by. Throws std::runtime_error for a format that no worker makes.
std::string product_name(const std::string& stem, const std::string& format);

// A small text beside the image: <stem>.<format>, complete and synced.
Product write_text(const std::string& text, const char* format, const std::filesystem::path& out,
                   const std::string& file_stem);
// The report beside the images, as JSON and for people, made of result.details; adds its products. Control characters
// that an image brought into title and details become U+FFFD first.
void write_report(WorkerResult& result, const std::filesystem::path& out);
void write_result(const WorkerResult& result, const std::filesystem::path& file);

// Reads a result as if an enemy had written it: one regular file without a second name, of bounded size; no member is
// missing or unknown; every text is bounded and without control characters, every digest one; formats are those of a
// worker, each once, and files called after them; what is no packed image is its own image; all packings of one image
// agree on it. Throws std::exception that names the member and what is wrong with it. What only the files can tell
// (sizes, digests) is publish_release's.
WorkerResult read_result(const std::filesystem::path& file);

// Throws std::runtime_error where the result is not of what was asked for: its name, title, kind, or formats.
void require_asked(const WorkerResult& result, const Asked& asked);

}  // namespace worker
