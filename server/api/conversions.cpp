// SPDX-License-Identifier: Apache-2.0
#include "formats/base/text.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "server/api/conversions.hpp"
#include "server/api/error_response.hpp"
#include "server/api/job_routes.hpp"
#include "server/api/json_text.hpp"
#include "server/api/responses.hpp"
#include "worker/conversion_request.hpp"

namespace server::api {
namespace {

namespace json = boost::json;
using worker::ConversionSource;
constexpr const char* kind = "conversion";

// The file a source names, and what the worker is told of it.
struct Found {
    std::filesystem::path file;  // empty for an address
    json::object told;
    std::string missing;   // why it is not there; 404 when that is all
    std::string unusable;  // why it is no source
};

// SHA256SUMS, reports, ova.xml …: what is published beside images.
bool is_image(const std::string& format) {
    const auto named = formats::output_kind_from(format);
    return named.has_value();
}

Found find_upload(const std::string& id, uploads::Uploads* uploads) {
    const auto upload = uploads ? uploads->find(id) : std::nullopt;
    if (!upload)
        return {
            {}, {}, "source.upload: there is no upload " + id.substr(0, 64) + (uploads ? "" : "; uploads are off"), {}};
    if (!upload->complete())
        return {{},
                {},
                {},
                "source.upload: " + std::to_string(upload->received) + " of " + std::to_string(upload->size) +
                    " bytes of upload " + id + " are here; send the rest first"};
    return {upload->file, {{"name", formats::valid_utf8(upload->name)}, {"size", upload->size}}, {}, {}};
}

Found find_artifact(const ConversionSource& source, catalog::Catalog& catalog, const store::Store& store) {
    const auto artifact = catalog.file(source.release, source.file_name);
    const std::string named = "source.artifact: " + source.release + "/" + source.file_name;
    if (!artifact) return {{}, {}, named + " is not in the catalog", {}};
    if (!is_image(artifact->format)) return {{}, {}, {}, named + " is not an image but " + artifact->format};
    return {store.path(formats::Sha256::of(artifact->sha256, "the digest of " + named)),
            {{"name", artifact->file_name}, {"size", artifact->size}, {"sha256", artifact->sha256}},
            {},
            {}};
}

Found find_source(const ConversionSource& source, const Service& service) {
    switch (source.kind) {
        case ConversionSource::Kind::upload:
            return find_upload(source.upload, service.uploads);
        case ConversionSource::Kind::artifact:
            return find_artifact(source, service.catalog, service.store);
        case ConversionSource::Kind::url:
            break;
    }
    return {{}, {{"name", "the source"}}, {}, {}};  // its name comes with it
}

}  // namespace

Response submit_conversion(const Call& call) {
    const Request& request = call.request;
    if (const std::string type = media_type(request); type != "application/json")
        return problem(
            415, "send the conversion as application/json {\"source\", \"outputs\", \"name\"}; got '" + type + "'");
    json::error_code error;
    const json::value body = json::parse(request.body, error);
    if (error || !body.is_object())
        throw std::invalid_argument("the body is not a JSON object" + (error ? ": " + error.message() : ""));

    worker::ReadConversion asked = worker::read_conversion(body.as_object());
    for (const auto& [key, value] : request.query)
        asked.errors.push_back("the query has '" + key.substr(0, 64) +
                               "'; a conversion is described by its body alone");
    const bool readable = std::none_of(asked.errors.begin(), asked.errors.end(),
                                       [](const std::string& wrong) { return wrong.starts_with("source"); });
    Found source;
    if (readable) source = find_source(asked.request.source, call.service);
    if (!source.missing.empty() && asked.errors.empty()) return problem(404, source.missing);
    for (const std::string& wrong : {source.missing, source.unusable})
        if (!wrong.empty()) asked.errors.push_back(wrong);
    if (!asked.errors.empty()) {
        json::array errors;
        for (const std::string& wrong : asked.errors) errors.push_back(json::object{{"reason", wrong}});
        return problem(422,
                       "the conversion has " + std::to_string(errors.size()) +
                           (errors.size() == 1 ? " error" : " errors") + "; nothing was started",
                       {{"errors", errors}});
    }
    const json::object told{{"conversion", body}, {"source", source.told}};
    try {
        const std::string id = call.service.jobs.submit({{}, json::serialize(told), kind, source.file});
        return accepted(kind, id);
    } catch (const std::filesystem::filesystem_error& gone) {
        if (gone.code() != std::errc::no_such_file_or_directory) throw;
        return problem(404, asked.request.source.described() + " is not there any more");
    }
}

}  // namespace server::api
