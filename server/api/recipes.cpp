// SPDX-License-Identifier: Apache-2.0
#include "formats/base/text.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "formats/stream/digest.hpp"
#include "kickstart/parser.hpp"
#include "kickstart/secrets.hpp"
#include "server/api/error_response.hpp"
#include "server/api/recipes.hpp"
#include "server/api/responses.hpp"
#include "server/clock.hpp"
#include "server/pages/catalog_page.hpp"
#include "server/random_hex.hpp"

namespace server::api {
namespace {

namespace json = boost::json;
using catalog::StoredRecipe;

constexpr std::size_t token_bytes = 24;

bool is_name(const std::string& name) {
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; };
    return !name.empty() && name.size() <= 63 && name[0] != '.' && name[0] != '-' && !name.ends_with(".ks") &&
           std::all_of(name.begin(), name.end(), good);
}

// "12", without a sign or a leading zero; 0 when it is no version.
int version_of(std::string_view text) {
    int version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && version > 0 && text[0] != '0' ? version : 0;
}

std::string digest(std::string_view text) {
    return formats::digest_hex(formats::DigestKind::sha256, std::string(text));
}

// "Bearer TOKEN", or "Basic" with any user and the token as the password, as in http://any:TOKEN@host/…, which is all
// that an installer's own command line can say. Nothing: no Authorization was sent.
std::optional<std::string> token_of(const Request& request) {
    const auto header = request.headers.find("authorization");
    if (header == request.headers.end()) return std::nullopt;
    const std::string& value = header->second;
    const std::size_t space = std::min(value.find(' '), value.size());
    std::string scheme = value.substr(0, space);
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::string rest = value.substr(std::min(space + 1, value.size()));
    if (scheme == "bearer") return rest;
    if (scheme != "basic") return "";
    const std::string pair = formats::from_base64(rest).value_or("");
    return pair.substr(std::min(pair.find(':'), pair.size() - 1) + 1);
}

// Digests are compared, so that the time it takes tells nothing of the token.
bool opens(const std::string& token, const StoredRecipe& recipe) {
    return !token.empty() && digest(token) == recipe.token_sha256;
}

std::string address_of(const StoredRecipe& recipe) {
    return "/recipes/" + recipe.name + "/" + std::to_string(recipe.version) + ".ks";
}

json::object to_json(const StoredRecipe& recipe) {
    return {{"name", recipe.name},          {"version", recipe.version},
            {"created", recipe.created},    {"size", recipe.text.size()},
            {"sha256", recipe.sha256},      {"has_secrets", readable_by_all(recipe.text) != recipe.text},
            {"address", address_of(recipe)}};
}

Response no_recipe(const std::string& name) {
    return problem(404, "there is no recipe " + name.substr(0, 64));
}

std::optional<StoredRecipe> find(const Call& call) {
    const int version = version_of(call["version"]);
    return version > 0 ? call.service.catalog.recipe(call["name"], version) : std::nullopt;
}

// What keeps a text from being stored, if anything.
std::optional<Response> refused(const Request& request, const std::string& name) {
    if (!is_name(name))
        return problem(400,
                       "'" + name.substr(0, 64) +
                           "' is not a name: 1 to 63 lower-case letters, digits, dots and dashes, beginning with a "
                           "letter or digit, not ending in .ks");
    const auto header = request.headers.find("content-type");
    const std::string type = header == request.headers.end() ? "" : header->second.substr(0, header->second.find(';'));
    if (type != "text/x-kickstart" && type != "text/plain")
        return problem(415, "send the recipe as text/x-kickstart; got '" + type.substr(0, 64) + "'");
    if (request.body.size() > largest_recipe)
        return problem(413, "the recipe has " + std::to_string(request.body.size()) + " bytes; at most " +
                                std::to_string(largest_recipe) + " are stored");
    json::array errors;
    for (const auto& diagnostic : kickstart::parse(request.body).diagnostics)
        if (diagnostic.severity == kickstart::Severity::error)
            errors.push_back(
                {{"line", diagnostic.line}, {"column", diagnostic.column}, {"reason", diagnostic.message}});
    if (request.body.empty()) errors.push_back({{"line", 0}, {"column", 0}, {"reason", "the recipe is empty"}});
    if (errors.empty()) return std::nullopt;
    return problem(422,
                   "the recipe has " + std::to_string(errors.size()) + (errors.size() == 1 ? " error" : " errors") +
                       "; nothing was stored",
                   {{"errors", errors}});
}

Response text_of(const Request& request, const StoredRecipe& recipe) {
    for (const auto& [key, value] : request.query)
        if (key == "token")
            return problem(400,
                           "a token in the address would stand in logs; send it as Authorization: Bearer, or as the "
                           "password of http://any:TOKEN@…");
    const auto token = token_of(request);
    if (token && !opens(*token, recipe)) {
        Response refusal = problem(401, "this is not the token of " + address_of(recipe) +
                                            "; without one the recipe is served without its passwords");
        refusal.headers.emplace_back("WWW-Authenticate", "Basic realm=\"recipe\", charset=\"UTF-8\"");
        return refusal;
    }
    Response response;
    response.body = token ? recipe.text : readable_by_all(recipe.text);
    const std::string etag = "\"" + digest(response.body) + "\"";
    response.headers = {{"Content-Type", "text/plain; charset=utf-8"},
                        {"Cache-Control", token ? "private, no-store" : "public, no-cache"},
                        {"ETag", etag},
                        {"Vary", "Authorization"}};
    const auto known = request.headers.find("if-none-match");
    if (known == request.headers.end()) return response;
    if (known->second == "*" || known->second.find(etag) != std::string::npos) {
        response.status = 304;
        response.body.clear();
    }
    return response;
}

}  // namespace

std::string readable_by_all(const std::string& recipe) {
    const std::string shown = kickstart::public_text(recipe);
    if (shown == recipe) return shown;
    return "secrets-left-out  # This copy has no passwords, and no installer takes it. With its token it is whole.\n" +
           shown;
}

catalog::StoredRecipe recipe_named(const std::string& name, int version, catalog::Catalog& catalog) {
    if (const auto found = catalog.recipe(name, version)) return *found;
    throw std::invalid_argument("there is no stored recipe " + name.substr(0, 64) +
                                (version > 0 ? " version " + std::to_string(version) : ""));
}

Response store_recipe(const Call& call) {
    const Request& request = call.request;
    const std::string& name = call["name"];
    if (auto why = refused(request, name)) return *why;
    const std::string token = random_hex(token_bytes);
    const auto stored = call.service.catalog.add_recipe(
        {name, 0, request.body, now_rfc3339(), digest(request.body), digest(token)}, most_versions);
    if (!stored)
        return problem(409, "recipe " + name + " has " + std::to_string(most_versions) +
                                " versions, which is the most; store it under another name");
    json::object answer = to_json(*stored);
    const bool is_new = stored->token_sha256 == digest(token);
    if (is_new) answer["token"] = token;  // told once; only its digest is kept
    Response response = json_response(is_new ? 201 : 200, answer);
    response.headers.emplace_back("Location", address_of(*stored));
    return response;
}

Response list_recipes(const Call& call) {
    std::size_t limit = page_size;
    std::string after;
    for (const auto& [key, value] : call.request.query) {
        if (key == "after") after = value;
        if (key != "limit") continue;
        const int wanted = version_of(value);
        if (wanted < 1 || static_cast<std::size_t>(wanted) > most_per_page)
            return problem(
                400, "limit: '" + value.substr(0, 40) + "' is not a number from 1 to " + std::to_string(most_per_page));
        limit = static_cast<std::size_t>(wanted);
    }
    json::array all;
    const std::vector<StoredRecipe> found = call.service.catalog.recipes(limit, after);
    for (const StoredRecipe& newest : found) all.push_back(to_json(newest));
    Response response = json_response(200, json::object{{"recipes", all}});
    if (found.size() == limit)
        response.headers.emplace_back(
            "Link", "</v1/recipes?limit=" + std::to_string(limit) + "&after=" + found.back().name + ">; rel=\"next\"");
    return response;
}

Response recipe_versions(const Call& call) {
    json::array versions;
    for (const StoredRecipe& one : call.service.catalog.recipe_versions(call["name"])) versions.push_back(to_json(one));
    if (versions.empty()) return no_recipe(call["name"]);
    return json_response(200, json::object{{"name", call["name"]}, {"versions", versions}});
}

Response recipe_version(const Call& call) {
    const auto found = find(call);
    return found ? json_response(200, to_json(*found)) : nothing_at(call.request.path);
}

Response recipe_text(const Call& call) {
    const auto found = find(call);
    return found ? text_of(call.request, *found) : nothing_at(call.request.path);
}

Response recipe_page(const Call& call) {
    const std::vector<StoredRecipe> versions = call.service.catalog.recipe_versions(call["name"]);
    if (versions.empty()) return no_recipe(call["name"]);
    return pages::recipe_page(versions, readable_by_all(versions.front().text), call.service.key, call.service.config);
}

}  // namespace server::api
