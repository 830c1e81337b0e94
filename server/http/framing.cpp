// SPDX-License-Identifier: Apache-2.0
#include "server/http/framing.hpp"

#include <boost/beast/core/string.hpp>

#include <iterator>

namespace server::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;

constexpr std::size_t most_length_digits = 18;  // fits 63 bits whatever they are

bool control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

std::size_t count(const beast::http::fields& fields, field name) {
    const auto range = fields.equal_range(name);
    return static_cast<std::size_t>(std::distance(range.first, range.second));
}

}  // namespace

HeadCheck::State HeadCheck::refuse(const char* why) {
    wrong_ = why;
    return State::wrong;
}

HeadCheck::State HeadCheck::look(std::string_view all) {
    for (; place_ < all.size(); ++place_) {
        const char c = all[place_];
        if (c == '\n') return refuse("the head has a line feed without a carriage return before it");
        if (c == '\r') {
            if (place_ + 1 == all.size()) return State::more;
            if (all[place_ + 1] != '\n') return refuse("the head has a carriage return without a line feed after it");
            if (place_ == line_ && !first_) return State::whole;
            if (!first_ && !named_) return refuse("a line of the head has no colon");
            first_ = named_ = false;
            line_ = ++place_ + 1;
            continue;
        }
        if (control(c)) return refuse("the head has a control character");
        if (first_ || named_) continue;
        if (c == ' ' || c == '\t')
            return refuse(place_ == line_ ? "a line of the head begins with white space"
                                          : "a name in the head has white space in it or before its colon");
        if (c != ':') continue;
        if (place_ == line_) return refuse("a line of the head has no name before its colon");
        named_ = true;
    }
    return State::more;
}

std::string framing_error(const beast::http::fields& fields, unsigned version) {
    const std::size_t codings = count(fields, field::transfer_encoding), lengths = count(fields, field::content_length);
    if (codings > 0) {
        const std::string coding(fields[field::transfer_encoding]);
        if (version < 11) return "HTTP/1.0 has no Transfer-Encoding";
        if (codings > 1) return "the head has more than one Transfer-Encoding";
        if (!beast::iequals(coding, "chunked"))
            return "Transfer-Encoding: '" + coding.substr(0, 40) + "' is not known here; chunked is";
        if (lengths > 0) return "the head has both Transfer-Encoding and Content-Length";
    }
    if (lengths > 1) return "the head has more than one Content-Length";
    if (lengths == 1) {
        const std::string length(fields[field::content_length]);
        if (length.empty() || length.find_first_not_of("0123456789") != std::string::npos ||
            length.size() > most_length_digits)
            return "Content-Length: '" + length.substr(0, 40) + "' is not a number of at most " +
                   std::to_string(most_length_digits) + " digits";
    }
    if (count(fields, field::host) > 1) return "the head has more than one Host";
    return {};
}

}  // namespace server::http
