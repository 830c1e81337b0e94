// SPDX-License-Identifier: Apache-2.0
#include "server/api/json_text.hpp"

namespace server::api {

namespace json = boost::json;

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
