// SPDX-License-Identifier: Apache-2.0
#include "server/api/releases.hpp"

#include <boost/json.hpp>

#include "kickstart/secrets.hpp"
#include "server/api/images.hpp"
#include "server/api/json_text.hpp"
#include "server/api/responses.hpp"
#include "server/pages/catalog_page.hpp"

namespace server::api {
namespace {

namespace json = boost::json;

std::string content_type(const std::string& file_name) {
    const auto ends = [&](const char* ending) { return file_name.ends_with(ending); };
    if (ends(".xz")) return "application/x-xz";
    if (ends(".gz")) return "application/gzip";
    if (ends(".zst")) return "application/zstd";
    if (ends(".xml")) return "application/xml";
    if (ends(".ks")) return "text/plain; charset=utf-8";
    if (ends(".json")) return "application/json";
    if (ends("SUMS") || ends(".txt") || ends(".cfg")) return "text/plain; charset=utf-8";
    return "application/octet-stream";
}

Response stored_file(const catalog::Artifact& artifact, const store::Store& store) {
    Response response;
    response.file = FileBody{store.path(formats::Sha256::of(artifact.sha256, "the digest of " + artifact.file_name)),
                             artifact.sha256, artifact.format.starts_with("xva")};
    response.headers = {{"Content-Type", content_type(artifact.file_name)},
                        {"Content-Disposition", "attachment; filename=\"" + artifact.file_name + "\""},
                        {"Cache-Control", "public, no-cache"}};
    return response;
}

}  // namespace

Response catalog_page(const Call& call) {
    const Service& service = call.service;
    const std::vector<catalog::Release> found =
        service.catalog.releases(page_size, query_value(call.request, "before"));
    return pages::catalog_page(found, found.size() == page_size ? "/?before=" + found.back().name : "",
                               service.catalog.recipes(page_size), service.key, service.config);
}

Response release_page(const Call& call) {
    const Service& service = call.service;
    const auto release = service.catalog.release(call["name"]);
    if (!release) return nothing_at(call.request.path);
    const auto job = service.catalog.job(release->build);
    return pages::release_page(*release, job ? kickstart::public_text(job->recipe) : "", service.key, service.config);
}

Response list_releases(const Call& call) {
    const Request& request = call.request;
    json::array list;
    const std::size_t limit = limit_of(request);
    const std::vector<catalog::Release> found = call.service.catalog.releases(limit, query_value(request, "before"));
    for (const catalog::Release& release : found) {
        json::object object = to_json(release);
        object.erase("details");
        list.push_back(object);
    }
    Response response = json_response(200, json::object{{"releases", list}});
    if (found.size() == limit)
        response.headers.emplace_back("Link", "</v1/releases?limit=" + std::to_string(limit) +
                                                  "&before=" + found.back().name + ">; rel=\"next\"");
    return response;
}

Response show_release(const Call& call) {
    const auto release = call.service.catalog.release(call["name"]);
    return release ? json_response(200, to_json(*release)) : nothing_at(call.request.path);
}

Response show_artifact(const Call& call) {
    const auto artifact = call.service.catalog.artifact(call["sha256"]);
    return artifact ? json_response(200, to_json(*artifact)) : nothing_at(call.request.path);
}

Response download(const Call& call) {
    const Service& service = call.service;
    if (const auto artifact = service.catalog.file(call["release"], call["file"]))
        return stored_file(*artifact, service.store);
    if (auto made = unpacked(service, call["release"], call["file"])) return std::move(*made);
    return nothing_at(call.request.path);
}

Response signing_key(const Call& call) {
    Response response;
    response.headers = {{"Content-Type", "application/x-pem-file"}};
    response.body = call.service.key.public_pem();
    return response;
}

Response health(const Call&) {
    return json_response(200, json::object{{"service", "xenkiln"}, {"status", "ok"}});
}

}  // namespace server::api
