// SPDX-License-Identifier: Apache-2.0
#include "server/api/routes.hpp"

#include <algorithm>
#include <set>

#include "server/api/builds.hpp"
#include "server/api/conversions.hpp"
#include "server/api/images.hpp"
#include "server/api/job_routes.hpp"
#include "server/api/lint.hpp"
#include "server/api/recipes.hpp"
#include "server/api/releases.hpp"
#include "server/api/uploads.hpp"

namespace server::api {
namespace {

bool match_segment(std::string_view pattern, std::string_view said, Named& named) {
    const std::size_t begin = pattern.find('{'), end = pattern.find('}');
    if (begin == std::string_view::npos) return pattern == said;
    const std::string_view before = pattern.substr(0, begin), behind = pattern.substr(end + 1);
    if (said.size() < before.size() + behind.size() || !said.starts_with(before) || !said.ends_with(behind))
        return false;
    named.emplace(pattern.substr(begin + 1, end - begin - 1),
                  said.substr(before.size(), said.size() - before.size() - behind.size()));
    return true;
}

std::string listed(std::set<std::string_view> methods) {
    if (methods.contains("GET")) methods.insert("HEAD");
    methods.insert("OPTIONS");
    std::string list;
    for (const std::string_view method : methods) list += (list.empty() ? "" : ", ") + std::string(method);
    return list;
}

}  // namespace

const std::vector<Route>& routes() {
    using enum access::Permission;
    using enum Protocol;
    static const std::vector<Route> table{
        {"POST", "/v1/builds", build, submit_build},
        {"GET", "/v1/builds", read, list_jobs("build")},
        {"GET", "/v1/builds/{id}", read, show_job("build")},
        {"DELETE", "/v1/builds/{id}", build, cancel_job("build")},
        {"GET", "/v1/builds/{id}/events", read, job_events("build")},
        {"GET", "/v1/builds/{id}/log", read, job_log("build")},

        {"POST", "/v1/conversions", build, submit_conversion},
        {"GET", "/v1/conversions", read, list_jobs("conversion")},
        {"GET", "/v1/conversions/{id}", read, show_job("conversion")},
        {"DELETE", "/v1/conversions/{id}", build, cancel_job("conversion")},
        {"GET", "/v1/conversions/{id}/events", read, job_events("conversion")},
        {"GET", "/v1/conversions/{id}/log", read, job_log("conversion")},

        {"GET", "/v1/recipes", read_public, list_recipes},
        {"POST", "/v1/recipes/{name}", publish, store_recipe},
        {"PUT", "/v1/recipes/{name}", publish, store_recipe},
        {"GET", "/v1/recipes/{name}", read_public, recipe_versions},
        {"GET", "/v1/recipes/{name}/{version}", read_public, recipe_version},
        {"GET", "/recipes/{name}/{version}.ks", read_public, recipe_text},
        {"POST", "/v1/kickstart/lint", build, lint},

        {"POST", "/v1/uploads", build, create_upload, tus},
        {"GET", "/v1/uploads", read, list_uploads, tus},
        {"OPTIONS", "/v1/uploads", read_public, upload_options, tus},
        {"GET", "/v1/uploads/{id}", read, show_upload, tus},
        {"PATCH", "/v1/uploads/{id}", build, patch_upload, tus},
        {"DELETE", "/v1/uploads/{id}", build, remove_upload, tus},
        {"PUT", "/v1/uploads/{name...}", build, put_upload, tus},
        {"OPTIONS", "/v1/uploads/{name...}", read_public, upload_options, tus},

        {"GET", "/v1/releases", read_public, list_releases},
        {"GET", "/v1/releases/{name}", read_public, show_release},
        {"GET", "/v1/artifacts/{sha256}", read_public, show_artifact},
        {"GET", "/download/{release}/{file}", read_public, download},
        {"GET", "/v1/images/{release}/disk.{format}", read_public, image},
        {"GET", "/keys/signing.pem", read_public, signing_key},
        {"GET", "/healthz", read_public, health},

        {"GET", "/", read_public, catalog_page},
        {"GET", "/releases/{name}", read_public, release_page},
        {"GET", "/recipes/{name}", read_public, recipe_page},
    };
    return table;
}

std::optional<Named> match(std::string_view pattern, std::string_view path) {
    if (!path.starts_with('/')) return std::nullopt;
    const bool closed = path.size() > 1 && path.ends_with('/') && !path.ends_with("//");
    if (closed && !pattern.ends_with("...}")) path.remove_suffix(1);
    Named named;
    while (!pattern.empty() && !path.empty()) {
        pattern.remove_prefix(1);
        path.remove_prefix(1);
        const std::string_view segment = pattern.substr(0, pattern.find('/'));
        if (segment.ends_with("...}")) {
            if (path.empty()) return std::nullopt;
            named.emplace(segment.substr(1, segment.size() - 5), path);
            return named;
        }
        const std::string_view said = path.substr(0, path.find('/'));
        if (!match_segment(segment, said, named)) return std::nullopt;
        pattern.remove_prefix(segment.size());
        path.remove_prefix(said.size());
    }
    return pattern.empty() && path.empty() ? std::optional(std::move(named)) : std::nullopt;
}

Address::Address(std::string_view path) {
    for (const Route& route : routes())
        if (auto named = match(route.pattern, path)) rows_.push_back({&route, std::move(*named)});
}

const Address::Row* Address::row(std::string_view method) const {
    if (method == "HEAD") method = "GET";
    const auto found = std::ranges::find(rows_, method, [](const Row& row) { return row.route->method; });
    return found == rows_.end() ? nullptr : &*found;
}

std::string Address::allow() const {
    std::set<std::string_view> methods;
    for (const Row& row : rows_) methods.insert(row.route->method);
    return listed(std::move(methods));
}

bool Address::streamed() const {
    return std::ranges::any_of(rows_, [](const Row& row) { return std::holds_alternative<Open>(row.route->function); });
}

Protocol Address::protocol() const {
    return rows_.empty() ? Protocol::http : rows_.front().route->protocol;
}

std::string allow_of_all() {
    std::set<std::string_view> methods;
    for (const Route& route : routes()) methods.insert(route.method);
    return listed(std::move(methods));
}

std::string neighbours(std::string_view path) {
    const auto parent = [](std::string_view address) { return address.substr(0, address.rfind('/')); };
    std::string list;
    std::string_view last;
    for (const Route& route : routes()) {
        const std::string_view above = parent(route.pattern);
        if (route.pattern == last || above.empty() || (!match(above, parent(path)) && !match(above, path))) continue;
        last = route.pattern;
        list += (list.empty() ? "" : ", ") + std::string(route.pattern);
    }
    return list;
}

}  // namespace server::api
