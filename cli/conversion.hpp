// SPDX-License-Identifier: Apache-2.0
#pragma once
// One run of `xenkiln convert`: an input, its disks, and one output or several. Nothing has a name before
// all of it is complete and was read again.
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "cli/image_arguments.hpp"

namespace cli {

struct ConversionWish {
    ImageArguments image;
    std::string input;
    std::vector<std::string> outputs;
    std::string to, compress, zeroes = "auto";
    unsigned jobs = 0;
    std::size_t disk = 0;  // from 1; 0: all
    bool replace = false, sync = false, digests = false, quiet = false, nested = false;
    std::string name, firmware = "auto";
    std::uint32_t vcpus = 0;
    std::uint64_t memory_mib = 0;
    bool is_template = false;
};

// Notes are what the user should know of a conversion that goes on. Throws std::invalid_argument for what cannot be
// wished for, and what the formats throw.
void convert(const ConversionWish& wish, std::ostream& notes);

}  // namespace cli
