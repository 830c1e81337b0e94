// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the `kickstart` commands read: a file, and the bundle its includes are looked up in.
#include <memory>
#include <string>

#include "kickstart/bundle.hpp"

namespace cli {

// The whole file; "-" is standard input.
std::string read_kickstart(const std::string& path);

struct Followed {
    std::unique_ptr<kickstart::Bundle> bundle;
    std::string name, text;  // the file's name in the bundle, and what is in it
};

// `bundle` is a folder or a tar (also .gz, .xz, .zst), and `file` is looked up in it. Empty: the working folder when
// the file lies below it, else the file's own folder.
Followed open_bundle(const std::string& bundle, const std::string& file);

}  // namespace cli
