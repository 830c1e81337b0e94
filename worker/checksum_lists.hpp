// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA256SUMS and MD5SUMS, as `sha256sum -c` and `md5sum -c` read them: one line "digest  name" for each file, by name.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace worker {

struct Product;

using DigestAndName = std::pair<std::string, std::string>;
std::string checksum_list(std::vector<DigestAndName> files);

// Both lists beside the products, each whole or not there at all. Throws std::system_error.
void write_checksum_lists(const std::vector<Product>& products, const std::filesystem::path& folder);

}  // namespace worker
