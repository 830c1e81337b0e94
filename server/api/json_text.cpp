// SPDX-License-Identifier: Apache-2.0
#include "server/api/json_text.hpp"

#include <algorithm>

namespace server::api {

namespace json = boost::json;

namespace {

// Bytes of the character that begins the text; 0 when there is none.
std::size_t character(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const bool wrong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
                       (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
    return wrong ? 0 : length;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = character(text);
        if (length == 0)
            valid += "\xEF\xBF\xBD";
        else
            valid += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return valid;
}

int line_not_utf8(std::string_view text) {
    for (int line = 1; !text.empty();) {
        const std::size_t length = character(text);
        if (length == 0) return line;
        if (text[0] == '\n') ++line;
        text.remove_prefix(length);
    }
    return 0;
}

json::object job_links(const std::string& kind, const std::string& id) {
    const std::string self = "/v1/" + kind + "s/" + id;
    return {{"self", self}, {"log", self + "/log"}, {"events", self + "/events"}};
}

json::object to_json(const catalog::Job& job) {
    json::object object{{"id", job.id},
                        {"kind", job.kind},
                        {"state", to_string(job.state)},
                        {"created", job.created},
                        {"attempts", job.attempts},
                        {"step", job.step},
                        {"progress", job.progress}};
    for (const auto& [name, value] : {std::pair{"started", &job.started}, std::pair{"finished", &job.finished},
                                      std::pair{"error", &job.error}, std::pair{"release", &job.release}})
        if (!value->empty()) object[name] = *value;
    object["links"] = job_links(job.kind, job.id);
    return object;
}

json::object to_json(const catalog::Artifact& artifact) {
    json::object object{{"id", artifact.id},
                        {"release", artifact.release},
                        {"file_name", artifact.file_name},
                        {"format", artifact.format},
                        {"size", artifact.size},
                        {"sha256", artifact.sha256},
                        {"md5", artifact.md5},
                        {"download", "/download/" + artifact.release + "/" + artifact.file_name}};
    if (artifact.image_size > 0) {
        object["image_size"] = artifact.image_size;
        object["image_sha256"] = artifact.image_sha256;
        object["image_md5"] = artifact.image_md5;
    }
    return object;
}

json::object to_json(const catalog::Release& release) {
    json::array artifacts;
    for (const catalog::Artifact& artifact : release.artifacts) artifacts.push_back(to_json(artifact));
    json::error_code error;
    json::value details = json::parse(release.details, error);
    return {{"name", release.name},
            {"title", release.title},
            {"created", release.created},
            {"build", release.build},
            {"details", error ? json::value(nullptr) : details},
            {"artifacts", artifacts}};
}

}  // namespace server::api
