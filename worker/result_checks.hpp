// SPDX-License-Identifier: Apache-2.0
#pragma once
// The form of a worker's words, member by member. Every error is a std::runtime_error that begins with the member's
// path.
#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace worker {

// An object that has exactly these members. REQUIRES: the value outlives it.
class Members {
public:
    Members(const boost::json::value& value, std::string path, std::initializer_list<std::string_view> names);

    const boost::json::value& at(std::string_view name) const;
    std::string text(std::string_view name, std::size_t most) const;  // at most so many bytes, no control characters
    std::uint64_t number(std::string_view name, std::uint64_t least, std::uint64_t most) const;

private:
    const boost::json::object* object_;
    std::string path_;
};

// An object whose texts, at any depth, have no control characters but line ends and tabs, whose digests are such, and
// whose hardware is of this world. What its other numbers and texts say is the worker's word.
void require_details(const boost::json::value& details);

// With U+FFFD in the place of control characters; details keep line ends and tabs.
std::string without_control_characters(std::string_view text);
boost::json::value without_control_characters(const boost::json::value& details);

}  // namespace worker
