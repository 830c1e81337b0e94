// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/secret_filter.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "kickstart/secret_text.hpp"
#include "kickstart/secrets.hpp"

namespace server::jobs {
namespace {

namespace json = boost::json;

constexpr std::size_t most_held = std::size_t{64} << 10;  // of a line without an end

int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

std::string percent_read(std::string_view text) {
    std::string read;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool escape = text[at] == '%' && at + 2 < text.size() && hex(text[at + 1]) >= 0 && hex(text[at + 2]) >= 0;
        read += escape ? static_cast<char>(hex(text[at + 1]) * 16 + hex(text[at + 2])) : text[at];
        if (escape) at += 2;
    }
    return read;
}

// As written, and as it may be said again: "user:word" and Samba's "user%word" as "word", an address's "%40" as "@", a
// header's "Bearer word" as "word".
void add(std::vector<std::string>& to, const std::string& secret) {
    to.push_back(secret);
    to.push_back(percent_read(secret));
    for (const char mark : {':', '%'})
        if (const std::size_t at = secret.find(mark); at != std::string::npos) {
            to.push_back(secret.substr(at + 1));
            to.push_back(percent_read(to.back()));
        }
    for (const std::string_view scheme : {"Bearer ", "Basic ", "Token "})
        if (secret.starts_with(scheme)) to.push_back(secret.substr(scheme.size()));
}

void add_address(std::vector<std::string>& to, const std::string& address) {
    for (const kickstart::TextRange& range : kickstart::secrets_in_text(address))
        add(to, address.substr(range.begin, range.end - range.begin));
    if (const std::size_t query = address.find('?'); query != std::string::npos)
        to.push_back(address.substr(query + 1, address.find('#', query) - query - 1));
}

std::vector<std::string> secrets_of(const std::string& recipe) {
    std::vector<std::string> secrets;
    for (const std::string& value : kickstart::secret_values(recipe)) add(secrets, value);
    return secrets;
}

}  // namespace

SecretFilter::SecretFilter(const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets)
        for (std::size_t at = 0; at <= secret.size();) {
            const std::size_t end = std::min(secret.find_first_of("\r\n", at), secret.size());
            if (end - at >= least_secret) values_.push_back(secret.substr(at, end - at));
            at = end + 1;
        }
    for (const std::string& value : values_) {
        begins_.at(static_cast<unsigned char>(value[0])) = true;
        longest_ = std::max(longest_, value.size());
    }
}

std::size_t SecretFilter::longest_at(std::string_view text) const {
    std::size_t longest = 0;
    if (begins_.at(static_cast<unsigned char>(text[0])))
        for (const std::string& value : values_)
            if (text.starts_with(value)) longest = std::max(longest, value.size());
    return longest;
}

std::size_t SecretFilter::mask(std::string_view text, bool last, std::size_t& covered, std::string& out) const {
    std::size_t at = 0;
    for (; at < text.size() && (last || text.size() - at >= longest_); ++at) {
        if (const std::size_t length = longest_at(text.substr(at)); length > 0) {
            if (at >= covered) out += kickstart::removed_secret;
            covered = std::max(covered, at + length);
        }
        if (at >= covered) out += text[at];
    }
    covered -= std::min(covered, at);
    return at;
}

std::string SecretFilter::masked(std::string_view text) const {
    if (values_.empty()) return std::string(text);
    std::string out;
    std::size_t covered = 0;
    mask(text, true, covered, out);
    return out;
}

std::string SecretFilter::Stream::take(std::string_view part) {
    if (filter_.values_.empty()) return std::string(part);
    held_ += part;
    std::string out;
    const std::size_t end = part.rfind('\n');
    const std::size_t lines = end == std::string_view::npos ? 0 : held_.size() - part.size() + end + 1;
    if (lines > 0) filter_.mask(std::string_view(held_).substr(0, lines), true, covered_, out);
    held_.erase(0, lines);
    if (held_.size() > most_held) held_.erase(0, filter_.mask(held_, false, covered_, out));
    return out;
}

std::string SecretFilter::Stream::rest() {
    std::string out;
    filter_.mask(held_, true, covered_, out);
    held_.clear();
    return out;
}

SecretFilter filter_of(const std::string& recipe) {
    return SecretFilter(secrets_of(recipe));
}

SecretFilter filter_of(const catalog::Job& job) {
    std::vector<std::string> secrets;
    if (!job.recipe.empty()) secrets = secrets_of(job.recipe);
    json::error_code error;
    const json::value request = json::parse(job.request, error);
    const auto member = [](const json::value* of, const char* name) {
        return of && of->is_object() ? of->as_object().if_contains(name) : nullptr;
    };
    if (!error) {
        const json::value* url = member(member(member(&request, "conversion"), "source"), "url");
        if (url && url->is_string()) add_address(secrets, json::value_to<std::string>(*url));
        const json::value* mirrors = member(member(&request, "options"), "mirror");
        if (mirrors && mirrors->is_array())
            for (const json::value& mirror : mirrors->as_array())
                if (mirror.is_string()) add_address(secrets, json::value_to<std::string>(mirror));
    }
    return SecretFilter(secrets);
}

}  // namespace server::jobs
