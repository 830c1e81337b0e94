// SPDX-License-Identifier: Apache-2.0
#include "server/api/uploads.hpp"

#include "server/api/error_response.hpp"
#include "server/api/responses.hpp"
#include "server/clock.hpp"

namespace server::api {
namespace {

namespace json = boost::json;
using uploads::Upload;

constexpr std::string_view root = "/v1/uploads";
constexpr const char* chunk_type = "application/offset+octet-stream";

uploads::UploadFolder& folder_of(const Call& call) {
    using uploads::UploadRefused;
    if (!call.service.incoming) throw UploadRefused(UploadRefused::Reason::unknown, "uploads are off");
    return *call.service.incoming;
}

std::string header(const Request& request, const char* name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
}

std::uint64_t number(const Request& request, const char* name, const char* spelled) {
    const std::string text = header(request, name);
    const auto value = uploads::parse_number(text);
    if (!value)
        throw std::invalid_argument(std::string(spelled) +
                                    (text.empty() ? " is missing" : ": '" + text.substr(0, 40) + "' is not a number"));
    return *value;
}

// Nothing: it has one, but does not say how long (chunked).
std::optional<std::uint64_t> body_length(const Request& head) {
    if (head.headers.contains("transfer-encoding")) return std::nullopt;
    return head.headers.contains("content-length") ? number(head, "content-length", "Content-Length") : 0;
}

std::optional<uploads::Checksum> checksum_of(const Request& head) {
    const std::string text = header(head, "upload-checksum");
    return text.empty() ? std::nullopt : std::optional(uploads::parse_checksum(text));
}

json::object to_json(const Upload& upload) {
    return {{"id", upload.id},
            {"name", upload.name},
            {"size", upload.size},
            {"received", upload.received},
            {"complete", upload.complete()},
            {"created", upload.created},
            {"expires", upload.expires},
            {"links", {{"self", std::string(root) + "/" + upload.id}}}};
}

void add_progress(Response& response, const Upload& upload) {
    response.headers.emplace_back("Upload-Offset", std::to_string(upload.received));
    response.headers.emplace_back("Upload-Expires", http_date(upload.expires_at));
}

Response created(const Upload& upload) {
    Response response = json_response(201, to_json(upload));
    response.headers.emplace_back("Location", std::string(root) + "/" + upload.id);
    add_progress(response, upload);
    return response;
}

Opening answer(Response response) {
    return {nullptr, std::move(response)};
}

Response with_version(Response response) {
    response.headers.emplace_back("Tus-Resumable", uploads::tus_version);
    if (response.status == 412) response.headers.emplace_back("Tus-Version", uploads::tus_version);
    return response;
}

class Receiver : public BodyReceiver {
public:
    // `fresh`: the upload is made by this very request, which its answer tells.
    Receiver(uploads::UploadFolder& uploads, const Upload& upload, std::unique_ptr<uploads::UploadWriter> writer,
             bool fresh)
        : uploads_(uploads), id_(upload.id), writer_(std::move(writer)), fresh_(fresh) {}

    std::optional<Response> write(std::span<const std::byte> bytes) override {
        try {
            writer_->write(bytes);
            return std::nullopt;
        } catch (const std::exception& error) {
            Response response = located(problem_of(error));
            writer_.reset();  // keeps what it can, before anybody hears of it
            return response;
        }
    }

    Response end(bool whole) override {
        try {
            const bool equal = writer_->finish(whole);
            writer_.reset();
            const Upload upload = uploads_.read(id_);
            if (!equal)
                return located(problem(460,
                                       "the bytes have another digest than Upload-Checksum says; they were "
                                       "dropped, and the upload goes on at byte " +
                                           std::to_string(upload.received)));
            if (fresh_) return with_version(created(upload));
            Response response;
            response.status = 204;
            add_progress(response, upload);
            return with_version(std::move(response));
        } catch (const std::exception& error) {
            return located(problem_of(error));
        }
    }

private:
    Response located(Response response) const {
        if (fresh_) response.headers.emplace_back("Location", std::string(root) + "/" + id_);
        return with_version(std::move(response));
    }

    uploads::UploadFolder& uploads_;
    const std::string id_;
    std::unique_ptr<uploads::UploadWriter> writer_;
    const bool fresh_;
};

// What a tus client must say, and nobody may say otherwise.
std::optional<Response> wrong_version(const Request& head, const std::string& method) {
    const std::string version = header(head, "tus-resumable");
    if (version == uploads::tus_version || method == "OPTIONS") return std::nullopt;
    if (version.empty() && method != "POST" && method != "PATCH") return std::nullopt;
    return problem(412, version.empty() ? "Tus-Resumable is missing; this is tus " + std::string(uploads::tus_version)
                                        : "Tus-Resumable: '" + version.substr(0, 40) + "' is not spoken here, " +
                                              uploads::tus_version + " is");
}

std::string file_name(const uploads::Metadata& metadata) {
    for (const char* key : {"filename", "name"})
        for (const auto& [found, value] : metadata)
            if (found == key) return value;
    return {};
}

}  // namespace

Opening speak_tus(const Request& head, const std::function<Opening(const std::string& method)>& meant) {
    try {
        std::string method = head.method;
        if (const std::string instead = header(head, "x-http-method-override"); !instead.empty()) {
            if (method != "POST") throw std::invalid_argument("X-HTTP-Method-Override is for POST, this is " + method);
            method = instead;
        }
        if (auto wrong = wrong_version(head, method)) return answer(with_version(std::move(*wrong)));
        Opening opening = meant(method);
        if (!opening.receiver) opening.response = with_version(std::move(opening.response));
        return opening;
    } catch (const std::exception& error) {
        return answer(with_version(problem_of(error)));
    }
}

Opening create_upload(const Call& call) {
    const Request& head = call.request;
    uploads::UploadFolder& folder = folder_of(call);
    if (head.headers.contains("upload-defer-length"))
        throw std::invalid_argument("Upload-Defer-Length: an upload's length must be known when it is made");
    if (header(head, "upload-concat") != "")
        throw std::invalid_argument("Upload-Concat: uploads are not put together here");
    const std::uint64_t size = number(head, "upload-length", "Upload-Length");
    const std::optional<std::uint64_t> length = body_length(head);
    const auto checksum = checksum_of(head);
    const std::string metadata = header(head, "upload-metadata");
    const std::string name = file_name(uploads::parse_metadata(metadata));
    if (length != 0 && header(head, "content-type") != chunk_type)
        return answer(problem(415, "the body of an upload's creation is " + std::string(chunk_type) + ", not '" +
                                       header(head, "content-type").substr(0, 100) + "'"));
    if (length > size)
        return answer(
            problem(413, "the body has " + std::to_string(*length) + " bytes, the upload " + std::to_string(size)));
    const Upload upload = folder.create(name, size, metadata);
    if (length == 0) return answer(created(upload));
    return {std::make_unique<Receiver>(folder, upload, folder.write(upload.id, 0, checksum), true), {}};
}

Opening put_upload(const Call& call) {
    const Request& head = call.request;
    const std::string& name = call["name"];
    uploads::UploadFolder& folder = folder_of(call);
    if (folder.known(name))  // not a second one that is called like the first
        return answer(problem(409, "upload " + name + " exists already; continue it with PATCH, as tus does"));
    if (!head.headers.contains("content-length"))
        return answer(problem(411, "PUT needs a Content-Length: space is checked before the first byte"));
    if (head.headers.contains("content-range"))
        throw std::invalid_argument("Content-Range: continue a broken PUT with PATCH, as tus does");
    if (const std::string coding = header(head, "content-encoding"); !coding.empty() && coding != "identity")
        return answer(problem(415, "Content-Encoding: '" + coding.substr(0, 40) + "'; send the file as it is"));
    const auto checksum = checksum_of(head);
    const Upload upload = folder.create(name, *body_length(head));
    return {std::make_unique<Receiver>(folder, upload, folder.write(upload.id, 0, checksum), true), {}};
}

Opening patch_upload(const Call& call) {
    const Request& head = call.request;
    const std::string& id = call["id"];
    uploads::UploadFolder& folder = folder_of(call);
    const Upload upload = folder.read(id);
    if (header(head, "content-type") != chunk_type)
        return answer(problem(415, "a chunk is " + std::string(chunk_type) + ", not '" +
                                       header(head, "content-type").substr(0, 100) + "'"));
    const std::uint64_t offset = number(head, "upload-offset", "Upload-Offset");
    const std::optional<std::uint64_t> length = body_length(head);
    const auto checksum = checksum_of(head);
    auto writer = folder.write(id, offset, checksum);
    if (length > upload.size - offset)
        return answer(problem(413, "the chunk has " + std::to_string(*length) + " bytes, the upload waits for " +
                                       std::to_string(upload.size - offset)));
    return {std::make_unique<Receiver>(folder, upload, std::move(writer), false), {}};
}

Response list_uploads(const Call& call) {
    json::array list;
    for (const Upload& upload : folder_of(call).list()) list.push_back(to_json(upload));
    return json_response(200, json::object{{"uploads", list}});
}

Response show_upload(const Call& call) {
    const Upload upload = folder_of(call).read(call["id"]);
    Response response = json_response(200, to_json(upload));
    add_progress(response, upload);
    response.headers.emplace_back("Upload-Length", std::to_string(upload.size));
    if (!upload.metadata.empty()) response.headers.emplace_back("Upload-Metadata", upload.metadata);
    if (call.method == "HEAD") response.body.clear();
    return response;
}

Response remove_upload(const Call& call) {
    folder_of(call).remove(call["id"]);
    Response response;
    response.status = 204;
    return response;
}

Response upload_options(const Call& call) {
    const uploads::Limits& limits = folder_of(call).limits();
    Response response;
    response.status = 204;
    response.headers = {{"Tus-Version", uploads::tus_version},
                        {"Tus-Max-Size", std::to_string(limits.bytes)},
                        {"Tus-Extension", uploads::tus_extensions},
                        {"Tus-Checksum-Algorithm", uploads::checksum_algorithms}};
    return response;
}

}  // namespace server::api
