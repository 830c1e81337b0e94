// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rest of a large file over several connections at once, each of them bringing one part after another. What is
// here from its beginning without a gap is what counts: a later life goes on behind it.
#include <stop_token>

#include "builders/network/fetch.hpp"
#include "builders/network/partial_file.hpp"
#include "builders/network/redirects.hpp"

namespace builders::network {

constexpr std::uint64_t part_bytes = std::uint64_t{8} << 20;

// REQUIRES: the file has a validator and a total. `getter` has made a connection already, so that it knows whether
// inner addresses are meant. Throws as Getter::get(); FetchBroken when the server's file is another one by now.
void fetch_parts(const Getter& getter, PartialFile& file, const FetchRequest& request, const std::stop_token& stop);

}  // namespace builders::network
