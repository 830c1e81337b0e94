// SPDX-License-Identifier: Apache-2.0
#include "server/api/api.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "server/api/builds.hpp"
#include "server/api/conversions.hpp"
#include "server/api/error_response.hpp"
#include "server/api/images.hpp"
#include "server/api/json_text.hpp"
#include "server/api/lint.hpp"
#include "server/api/recipes.hpp"
#include "server/api/responses.hpp"
#include "server/pages/catalog_page.hpp"
#include "server/publish/public_recipe.hpp"

namespace server::api {
namespace {

namespace json = boost::json;
using Parts = std::vector<std::string>;

Parts split_path(const std::string& path) {
    Parts parts;
    for (std::size_t begin = 1; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        parts.push_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    if (!parts.empty() && parts.back().empty()) parts.pop_back();
    return parts;
}

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

}  // namespace

Api::Api(const Config& config, catalog::Catalog& catalog, jobs::JobRunner& jobs, const store::Store& store,
         const publish::SigningKey& key, uploads::Uploads* uploads)
    : config_(config),
      catalog_(catalog),
      jobs_(jobs),
      store_(store),
      key_(key),
      uploads_(uploads),
      images_(std::make_unique<Images>(catalog, store)) {}
Api::~Api() = default;

Response Api::handle(const Request& request) {
    try {
        return route(request);
    } catch (const std::exception& error) {
        return problem_of(error);
    }
}

Response Api::route(const Request& request) {
    const Parts parts = split_path(request.path);
    const auto is = [&](std::size_t index, const char* text) { return parts.size() > index && parts[index] == text; };
    if (is(0, "v1") && is(1, "builds")) return builds(request, parts, jobs_, catalog_, config_.host);
    if (is(0, "v1") && is(1, "conversions")) return conversions(request, parts, jobs_, catalog_, store_, uploads_);
    if (parts.size() == 3 && is(0, "v1") && is(1, "kickstart") && is(2, "lint"))
        return request.method == "POST" ? lint(request) : not_allowed(request.method, "POST");
    if (is(0, "v1") && is(1, "recipes")) return recipes(request, parts, catalog_);
    if (is(0, "v1") && is(1, "images")) return images_->disk(request, parts);
    if (is(0, "recipes") && parts.size() > 1) return recipe_files(request, parts, catalog_, key_, config_);
    if (!reads(request)) {
        const bool known =
            parts.empty() || is(0, "healthz") || is(0, "v1") || is(0, "download") || is(0, "keys") || is(0, "releases");
        return known ? not_allowed(request.method, "GET, HEAD") : problem(404, "there is nothing at " + request.path);
    }
    if (parts.empty()) {
        const std::vector<catalog::Release> found = catalog_.releases(page_size, query_value(request, "before"));
        return pages::catalog_page(found, found.size() == page_size ? "/?before=" + found.back().name : "",
                                   catalog_.recipes(page_size), key_, config_);
    }
    if (parts.size() == 1 && is(0, "healthz"))
        return json_response(200, json::object{{"service", "xenkiln"}, {"status", "ok"}});
    if (parts.size() == 2 && is(0, "keys") && is(1, "signing.pem")) {
        Response response;
        response.headers = {{"Content-Type", "application/x-pem-file"}};
        response.body = key_.public_pem();
        return response;
    }
    if (parts.size() == 2 && is(0, "releases"))
        if (const auto release = catalog_.release(parts[1])) {
            const auto job = catalog_.job(release->build);
            return pages::release_page(*release, job ? publish::public_recipe(job->recipe) : "", key_, config_);
        }
    if (parts.size() == 2 && is(0, "v1") && is(1, "releases")) return releases(request);
    if (parts.size() == 3 && is(0, "v1") && is(1, "releases"))
        if (const auto release = catalog_.release(parts[2])) return json_response(200, to_json(*release));
    if (parts.size() == 3 && is(0, "v1") && is(1, "artifacts"))
        if (const auto artifact = catalog_.artifact(parts[2])) return json_response(200, to_json(*artifact));
    if (parts.size() == 3 && is(0, "download"))
        if (const auto artifact = catalog_.file(parts[1], parts[2])) return download(*artifact);
    if (parts.size() == 3 && is(0, "download"))
        if (auto unpacked = images_->unpacked(parts[1], parts[2])) return std::move(*unpacked);
    return problem(404, "there is nothing at " + request.path);
}

Response Api::download(const catalog::Artifact& artifact) const {
    Response response;
    response.file = FileBody{store_.path(formats::Sha256::of(artifact.sha256, "the digest of " + artifact.file_name)),
                             artifact.sha256, artifact.format.starts_with("xva")};
    response.headers = {{"Content-Type", content_type(artifact.file_name)},
                        {"Content-Disposition", "attachment; filename=\"" + artifact.file_name + "\""},
                        {"Cache-Control", "public, no-cache"}};
    return response;
}

Response Api::releases(const Request& request) const {
    json::array list;
    const std::size_t limit = limit_of(request);
    const std::vector<catalog::Release> found = catalog_.releases(limit, query_value(request, "before"));
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

}  // namespace server::api
