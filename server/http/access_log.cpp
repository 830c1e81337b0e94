// SPDX-License-Identifier: Apache-2.0
#include "server/http/access_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "kickstart/secret_text.hpp"

namespace server::http {
namespace {

constexpr std::size_t most_of_a_target = 200;

// "/v1/builds?mirror=http%3A%2F%2Fme%3Aword%40host": values of a query may be secrets, as in any address.
std::string shown(std::string_view target) {
    const std::string host = target.starts_with('/') ? "http://host" : "";
    return kickstart::without_secrets_in_text(host + std::string(target.substr(0, most_of_a_target)))
        .substr(host.size());
}

}  // namespace

AccessLine::AccessLine(std::string_view method, std::string_view target)
    : request_(std::string(method) + " " + shown(target)) {}

AccessLine::~AccessLine() {
    try {
        spdlog::info("{}", text());
    } catch (...) {  // a line less
    }
}

void AccessLine::answer(unsigned status, std::size_t header, std::optional<std::uint64_t> body) {
    status_ = status;
    header_ = header;
    body_ = body;
    sent_ = 0;
}

std::string AccessLine::text() const {
    if (status_ == 0) return request_ + " " + ended_ + " before it had an answer";
    const std::uint64_t body = sent_ - std::min(sent_, header_);
    const std::string line = request_ + " " + std::to_string(status_) + " ", bytes = std::to_string(body);
    const bool whole = sent_ >= header_ && (body_ ? body >= *body_ : complete_);
    if (whole) return line + bytes + " bytes";
    return line + ended_ + " after " + bytes + (body_ ? " of " + std::to_string(*body_) : "") + " bytes";
}

}  // namespace server::http
