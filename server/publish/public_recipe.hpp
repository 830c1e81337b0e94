// SPDX-License-Identifier: Apache-2.0
#pragma once
// A recipe as the catalog shows it to everybody: passwords, passphrases and credentials in addresses
// are replaced by a word that says so, crypted ones too. Everything else stays byte for byte, %post
// scripts included: what a script contains is its author's to know.
#include <string>
#include <string_view>

namespace server::publish {
std::string public_recipe(std::string_view text);
}
