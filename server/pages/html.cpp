// SPDX-License-Identifier: Apache-2.0
#include "server/pages/html.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace server::pages::html {

std::string escape(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size() + text.size() / 8);
    for (const char c : text) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&#39;";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
                    escaped += "\xEF\xBF\xBD";
                else
                    escaped += c;
        }
    }
    return escaped;
}

std::string command(std::string_view lines) {
    return "<pre class=\"command\">" + escape(lines) + "</pre>\n";
}

std::string size(std::uint64_t bytes) {
    constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(bytes);
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 48> text{};
    const double tenths = std::round(value * 10);
    const bool whole = std::fmod(tenths, 10) == 0 || value >= 1000;
    std::snprintf(text.data(), text.size(), whole ? "%.0f %s" : "%.1f %s", value, units.at(unit));
    return text.data();
}

std::string day(std::string_view rfc3339) {
    constexpr std::array months{"January", "February", "March",     "April",   "May",      "June",
                                "July",    "August",   "September", "October", "November", "December"};
    int year = 0, month = 0, date = 0;
    const std::string text(rfc3339);
    if (std::sscanf(text.c_str(), "%4d-%2d-%2d", &year, &month, &date) != 3 || month < 1 || month > 12)
        return escape(text);
    return std::to_string(date) + " " + months.at(static_cast<std::size_t>(month) - 1) + " " + std::to_string(year);
}

}  // namespace server::pages::html
