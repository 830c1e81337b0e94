// SPDX-License-Identifier: Apache-2.0
#include "client/tus_client.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <vector>

#include "builders/network/curl_library.hpp"
#include "builders/network/proxy_request.hpp"
#include "formats/base/text.hpp"
#include "formats/stream/digest.hpp"

namespace client {
namespace {

namespace network = builders::network;
using network::curl;
using network::Easy;
using network::List;

constexpr long connect_seconds = 30, slow_bytes = 1, slow_seconds = 120;
constexpr std::size_t most_answer = 64U << 10;

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "[::1]" || host == "::1" || host.starts_with("127.");
}

bool is_id(const std::string& text) {
    return !text.empty() && text.size() <= 64 &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
}

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

struct TusClient::Connection {
    struct Answer {
        long status = 0;
        std::map<std::string, std::string> headers;  // names in lower case
        std::string body;
        std::string header(const char* name) const {
            const auto found = headers.find(name);
            return found == headers.end() ? std::string() : found->second;
        }
    };

    Easy easy{curl().easy_init()};
    bool loopback = false;
    Answer answer;
    const std::function<void(std::uint64_t)>* sent = nullptr;

    static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
        auto& answer = static_cast<Connection*>(self)->answer;
        std::string_view line(data, size);
        while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
        if (line.starts_with("HTTP/")) {
            answer.headers.clear();  // those before were of an interim answer
        } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
            std::string_view value = line.substr(colon + 1);
            while (value.starts_with(' ')) value.remove_prefix(1);
            answer.headers[formats::lower(line.substr(0, colon))] = value;
        }
        return size;
    }
    static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
        std::string& body = static_cast<Connection*>(self)->answer.body;
        body.append(data, std::min(size, most_answer - std::min(body.size(), most_answer)));
        return size;
    }
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t up) {
        const auto* sent = static_cast<Connection*>(self)->sent;
        if (sent && *sent) (*sent)(static_cast<std::uint64_t>(up));
        return 0;
    }

    Answer ask(const char* method, const std::string& url, const std::vector<std::string>& headers,
               std::span<const std::byte> body, const std::function<void(std::uint64_t)>* progress = nullptr) {
        sent = progress;  // of this request alone: an earlier one may have ended by an exception
        CURL* const handle = easy.get();
        curl().easy_reset(handle);
        answer = {};
        List list(curl().slist_append(nullptr, "Tus-Resumable: 1.0.0"));
        for (const std::string& one : headers) list.reset(curl().slist_append(list.release(), one.c_str()));
        curl().easy_setopt(handle, CURLOPT_URL, url.c_str());
        curl().easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
        curl().easy_setopt(handle, CURLOPT_HTTPHEADER, list.get());
        curl().easy_setopt(handle, CURLOPT_USERAGENT, "xenkiln");
        curl().easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl().easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, connect_seconds);
        curl().easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, slow_bytes);
        curl().easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, slow_seconds);
        if (loopback)
            curl().easy_setopt(handle, CURLOPT_PROXY, "");  // no proxy of this machine's surroundings reaches it
        if (std::string_view(method) == "HEAD") {
            curl().easy_setopt(handle, CURLOPT_NOBODY, 1L);
        } else {
            curl().easy_setopt(handle, CURLOPT_POST, 1L);
            curl().easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
            curl().easy_setopt(handle, CURLOPT_POSTFIELDS, body.empty() ? "" : static_cast<const void*>(body.data()));
            curl().easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method);
        }
        curl().easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
        curl().easy_setopt(handle, CURLOPT_HEADERDATA, this);
        curl().easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
        curl().easy_setopt(handle, CURLOPT_WRITEDATA, this);
        curl().easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        curl().easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl().easy_setopt(handle, CURLOPT_XFERINFODATA, this);
        const CURLcode code = curl().easy_perform(handle);
        curl().easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
        // A refusal may come while we are still sending: its connection then breaks, and it is the answer all the same.
        if (code != CURLE_OK && answer.status < 400) throw UploadBroken(url + ": " + curl().easy_strerror(code));
        return answer;
    }
};

namespace {

template <class Answer>
[[noreturn]] void fail(const Answer& answer, const std::string& url) {
    boost::json::error_code wrong;
    const boost::json::value body = boost::json::parse(answer.body, wrong);
    const boost::json::object* object = wrong ? nullptr : body.if_object();
    const boost::json::value* detail = object ? object->if_contains("detail") : nullptr;
    const std::string why = url + ": " + std::to_string(answer.status) +
                            (detail && detail->is_string() ? ": " + boost::json::value_to<std::string>(*detail) : "");
    const bool again = answer.status == 409 || answer.status == 423 || answer.status == 429 || answer.status == 460 ||
                       (answer.status >= 500 && answer.status != 501 && answer.status != 507);
    if (again) throw UploadBroken(why);
    throw UploadRefused(why);
}

}  // namespace

TusClient::TusClient(const std::string& server) : uploads_(server), connection_(std::make_unique<Connection>()) {
    const auto origin = network::origin_of(server, true);
    if (!connection_->easy) throw UploadRefused("libcurl does not start");
    if (!origin) throw UploadRefused("'" + server + "' is not the http or https address of a service");
    connection_->loopback = is_loopback(origin->host);
    while (uploads_.ends_with('/')) uploads_.pop_back();
    uploads_ += "/v1/uploads";
}

TusClient::~TusClient() = default;

std::string TusClient::address(const std::string& id) const {
    return uploads_ + "/" + id;
}

std::string TusClient::create(const std::string& name, std::uint64_t size) {
    const auto answer =
        connection_->ask("POST", uploads_,
                         {"Upload-Length: " + std::to_string(size),
                          "Upload-Metadata: filename " + formats::to_base64(std::as_bytes(std::span(name)))},
                         {});
    if (answer.status != 201) fail(answer, uploads_);
    // Of the Location only the id: behind a proxy the service does not know the path it is reached by.
    const std::string location = answer.header("location");
    const std::string id = location.substr(location.rfind('/') + 1);
    if (!is_id(id)) throw UploadRefused(uploads_ + ": the new upload's address '" + location + "' has no id");
    return id;
}

std::optional<std::uint64_t> TusClient::offset(const std::string& id) {
    const auto answer = connection_->ask("HEAD", address(id), {}, {});
    if (answer.status == 404 || answer.status == 410) return std::nullopt;
    if (answer.status != 200 && answer.status != 204) fail(answer, address(id));
    const auto offset = number(answer.header("upload-offset"));
    if (!offset) throw UploadRefused(address(id) + ": the answer has no Upload-Offset; is this a xenkiln service?");
    return offset;
}

std::uint64_t TusClient::send(const std::string& id, std::uint64_t offset, std::span<const std::byte> chunk,
                              const std::function<void(std::uint64_t)>& sent) {
    formats::Digest digest(formats::DigestKind::sha256);
    digest.update(chunk);
    const auto answer =
        connection_->ask("PATCH", address(id),
                         {"Content-Type: application/offset+octet-stream", "Upload-Offset: " + std::to_string(offset),
                          "Upload-Checksum: sha256 " + formats::to_base64(digest.finish())},
                         chunk, &sent);
    if (answer.status != 204) fail(answer, address(id));
    const auto now = number(answer.header("upload-offset"));
    if (now != offset + chunk.size())
        throw UploadBroken(address(id) + ": " + std::to_string(chunk.size()) + " bytes were sent at " +
                           std::to_string(offset) + ", the service is at " + answer.header("upload-offset"));
    return *now;
}

}  // namespace client
