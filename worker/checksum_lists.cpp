// SPDX-License-Identifier: Apache-2.0
#include "worker/checksum_lists.hpp"

#include <algorithm>

#include "formats/base/whole_file.hpp"
#include "worker/worker_result.hpp"

namespace worker {

std::string checksum_list(std::vector<DigestAndName> files) {
    std::ranges::sort(files, {}, &DigestAndName::second);
    std::string text;
    for (const auto& [digest, name] : files) text += digest + "  " + name + "\n";
    return text;
}

void write_checksum_lists(const std::vector<Product>& products, const std::filesystem::path& folder) {
    std::vector<DigestAndName> sha256, md5;
    for (const Product& product : products) {
        sha256.emplace_back(product.sha256.hex(), product.file_name);
        md5.emplace_back(product.md5.hex(), product.file_name);
    }
    // A list of an earlier build in this folder would vouch for files that are no more.
    std::filesystem::remove(folder / "SHA256SUMS");
    std::filesystem::remove(folder / "MD5SUMS");
    formats::write_whole_file(folder / "SHA256SUMS", checksum_list(sha256));
    formats::write_whole_file(folder / "MD5SUMS", checksum_list(md5));
}

}  // namespace worker
