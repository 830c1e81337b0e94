// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every family checks alike before a value of the recipe goes into a file of the image. Each appends to `errors`
// what is wrong with the value, and then returns nothing.
#include "builders/plan/plan_parts.hpp"

namespace builders::plan {

// "80" or "6000-6010", from 1 to 65535 and ascending.
bool is_port_or_range(std::string_view text);

// Where %packages names it, "group" and "^environment" too; the section's own line when it does not.
int line_of_package(const kickstart::Recipe& recipe, const std::string& name);

// lang and its further languages, as written; "C.UTF-8" when the recipe says nothing.
std::vector<std::string> checked_languages(const kickstart::Recipe& recipe, Errors& errors);

struct KeyboardLayout {
    std::string layout, variant;  // "de", "nodeadkeys"
    std::string console;          // the console map as written, "de-nodeadkeys"
};
std::optional<KeyboardLayout> checked_keyboard(const kickstart::Recipe& recipe, Errors& errors);

std::optional<std::string> checked_zone(const kickstart::Recipe& recipe, Errors& errors);

// The services of `firewall` that have a port by their name, "ssh" → "22:tcp".
std::optional<std::string> port_of_service(const std::string& service);
// "22:tcp" → {"22", "tcp"}.
std::optional<std::pair<std::string, std::string>> checked_port(const std::string& port, int line, Errors& errors);
bool checked_device(const std::string& device, int line, Errors& errors);  // of --trust

bool checked_certificate(const kickstart::Certificate& certificate, Errors& errors);

// Of a source: a plain http(s) address and nothing that could be taken for another option of it.
bool checked_address(const std::string& address, int line, const std::string& what, Errors& errors);

// Neither for another architecture nor of a release that is known to be another one.
bool checked_release(const std::string& address, int line, const std::string& what, BuildPlan& plan, Errors& errors);

bool checked_arguments(const kickstart::Bootloader& loader, Errors& errors);  // of the kernel
std::string console_arguments(formats::Mode mode);

}  // namespace builders::plan
