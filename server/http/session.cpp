// SPDX-License-Identifier: Apache-2.0
#include "server/http/session.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/url.hpp>

#include <array>
#include <charconv>

#include "formats/base/file.hpp"
#include "server/api/error_response.hpp"
#include "server/http/access_log.hpp"
#include "server/http/body_stream.hpp"
#include "server/http/framing.hpp"
#include "server/http/guard.hpp"
#include "server/http/range.hpp"

namespace server::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Parser = beast::http::request_parser<beast::http::string_body>;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::uint32_t header_limit = 32 * 1024;
constexpr std::uint64_t body_limit = 4 << 20;  // a recipe
constexpr std::size_t block = 256 * 1024;
constexpr std::size_t read_size = 1024;  // what every resting connection has
constexpr std::size_t linger_bytes = 64 << 20;
const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr auto idle_limit = 60s, write_limit = 300s, linger_limit = 2s;

class Session {
public:
    Session(beast::tcp_stream& stream, Connections::Place& place, const Shared& shared)
        : stream_(stream), place_(place), shared_(shared) {}

    asio::awaitable<void> run() {
        error_code ignored;  // of a connection that ended already
        // A header and a short body are two writes: the second must not wait until the first is acknowledged.
        stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
        for (bool more = true; more && place_.rest();) {
            Parser parser;
            parser.header_limit(header_limit);
            parser.body_limit(boost::none);  // of what is streamed; other bodies are judged below
            error_code error;
            stream_.expires_after(idle_limit);
            std::string wrong = co_await gather_head(error);
            if (!error && wrong.empty())
                co_await beast::http::async_read_header(stream_, buffer_, parser,
                                                        asio::redirect_error(asio::use_awaitable, error));
            if (!error && wrong.empty()) wrong = framing_error(parser.get(), parser.get().version());
            if (!wrong.empty()) {
                const Response refusal = api::problem(400, wrong);
                co_await refuse(refusal, parser);
                break;
            }
            if (!error && parser.get().version() != 11 && parser.get().version() != 10) {
                const Response refusal = api::problem(505, "HTTP/1.1 and HTTP/1.0 are spoken here");
                co_await refuse(refusal, parser);
                break;
            }
            if (!error && streams(parser.get())) {
                if (!place_.work()) break;
                more = co_await stream_body(parser);
                access_.reset();
                continue;
            }
            const beast::http::fields head = parser.get().base();
            if (!error && parser.content_length().value_or(0) > body_limit) error = beast::http::error::body_limit;
            parser.body_limit(body_limit);
            if (!error && expects_go_on(parser.get())) {
                if (!co_await write(go_on)) break;
                stream_.expires_after(idle_limit);
            }
            if (!error)
                co_await beast::http::async_read(stream_, buffer_, parser,
                                                 asio::redirect_error(asio::use_awaitable, error));
            if (error == beast::http::error::end_of_stream || error == beast::error::timeout) break;
            if (error) {
                const unsigned status = error == beast::http::error::body_limit     ? 413
                                        : error == beast::http::error::header_limit ? 431
                                                                                    : 400;
                if (error.category() == make_error_code(beast::http::error::bad_method).category()) {
                    const Response refusal = api::problem(status, error.message());
                    co_await refuse(refusal, parser);
                }
                break;
            }
            if (!place_.work()) break;
            // What came behind a body in chunks is no part of the head (RFC 9110 6.5.1).
            static_cast<beast::http::fields&>(parser.get()) = head;
            more = co_await respond(parser.get());
            access_.reset();
        }
        access_.reset();
        co_await linger();
    }

private:
    // Of what is no request, or none that is read on; the connection ends with it.
    asio::awaitable<void> refuse(const Response& refusal, const Parser& parser) {
        access_.emplace("-", "-");
        if (parser.is_header_done()) log(parser.get());
        co_await send_text(refusal, 11, false, false);
    }

    // Until the buffer holds a head, and perhaps what follows it. What is wrong with its bytes; empty: nothing.
    asio::awaitable<std::string> gather_head(error_code& error) {
        HeadCheck check;
        if (buffer_.size() == 0) buffer_.shrink_to_fit();  // a large body made it large
        for (;;) {
            const asio::const_buffer read = buffer_.data();
            const HeadCheck::State state = check.look({static_cast<const char*>(read.data()), read.size()});
            if (state != HeadCheck::State::more) co_return check.wrong();
            if (read.size() > header_limit) error = beast::http::error::header_limit;
            if (error) co_return std::string();
            const std::size_t got = co_await stream_.async_read_some(buffer_.prepare(read_size),
                                                                     asio::redirect_error(asio::use_awaitable, error));
            buffer_.commit(got);
            if (error == asio::error::eof && buffer_.size() > 0) error = beast::http::error::partial_message;
            if (error == asio::error::eof) error = beast::http::error::end_of_stream;
        }
    }

    // Closing while the client still sends would reset the connection, and our last answer with it.
    asio::awaitable<void> linger() {
        error_code error;
        stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
        std::array<char, 16384> ignored{};
        stream_.expires_after(linger_limit);
        for (std::size_t got = 0; !error && got < linger_bytes;)
            got += co_await stream_.async_read_some(asio::buffer(ignored),
                                                    asio::redirect_error(asio::use_awaitable, error));
    }

    static bool expects_go_on(const Parser::value_type& message) {
        return beast::iequals(message[beast::http::field::expect], "100-continue");
    }

    bool keeps(const Parser::value_type& message) const {
        return message.keep_alive() && !shared_.connections.stopping();
    }

    bool streams(const Parser::value_type& message) const {
        const beast::string_view method = message.method_string(), target = message.target();
        return shared_.handler.streams({method.data(), method.size()}, {target.data(), target.size()});
    }

    // All but the body. A response: the request is refused for what its head says.
    std::optional<Response> read_head(const Parser::value_type& message, Request& request) const {
        request.method = std::string(message.method_string());
        for (const auto& field : message) {
            std::string name(field.name_string());
            for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            std::string& value = request.headers[name];
            value += (value.empty() ? "" : ", ") + std::string(field.value());
        }
        if (const std::string why = foreign(request.method, request.headers, shared_.public_url); !why.empty())
            return api::problem(403, why);
        if (message.version() >= 11 && !request.headers.contains("host"))
            return api::problem(400, "the request has no Host field");
        if (!read_target(message.target(), request)) return api::problem(400, "the address is not one");
        return std::nullopt;
    }

    void log(const Parser::value_type& message) {
        const beast::string_view method = message.method_string(), target = message.target();
        access_.emplace(std::string_view(method.data(), method.size()), std::string_view(target.data(), target.size()));
    }

    // The body is taken as it comes, or refused before it is sent. True when the connection goes on.
    asio::awaitable<bool> stream_body(Parser& gathered) {
        const Parser::value_type message = gathered.get();  // its body is still empty
        log(message);
        BodyParser parser(std::move(gathered));
        Request request;
        Opening opening;
        if (auto refusal = read_head(message, request)) {
            opening.response = std::move(*refusal);
        } else {
            auto open = [&]() -> asio::awaitable<Opening> { co_return shared_.handler.open(request); };
            opening = co_await asio::co_spawn(shared_.pool, open, asio::use_awaitable);
        }
        if (opening.receiver) {
            if (expects_go_on(message) && !parser.is_done() && !co_await write(go_on)) co_return false;
            auto answer = co_await receive_body(stream_, buffer_, parser, *opening.receiver, shared_.pool);
            if (!answer) {
                access_->ended_by("closed by the client");
                co_return false;
            }
            opening.response = std::move(*answer);
        }
        co_return co_await send_text(opening.response, message.version(), keeps(message) && parser.is_done(), false);
    }

    // True when the connection goes on.
    asio::awaitable<bool> respond(const Parser::value_type& message) {
        log(message);
        Request request;
        const bool keep = keeps(message), head = message.method() == beast::http::verb::head;
        const unsigned version = message.version();
        Response response;
        if (auto refusal = read_head(message, request)) {
            response = std::move(*refusal);
        } else {
            request.body = message.body();
            // Named first: the compiler destroys a capturing temporary of a co_await twice.
            auto work = [&]() -> asio::awaitable<Response> { co_return shared_.handler.handle(request); };
            response = co_await asio::co_spawn(shared_.pool, work, asio::use_awaitable);
            while (response.not_yet) {
                co_await pause(100ms);
                response = co_await asio::co_spawn(shared_.pool, work, asio::use_awaitable);
            }
        }
        if (response.events) {
            co_await send_events(response, version, head);
            co_return false;
        }
        if (response.file) co_return co_await send_file(response, request, version, keep, head);
        if (response.ranged) {
            const RangedBody& body = *response.ranged;
            const Content content{body.size, body.etag, body.one_shot, nullptr, &body};
            co_return co_await send_content(response, content, request, version, keep, head);
        }
        co_return co_await send_text(response, version, keep, head);
    }

    static bool read_target(beast::string_view target, Request& request) {
        if (target == "*" && request.method == "OPTIONS") {  // the service as a whole
            request.path = "*";
            return true;
        }
        const auto parsed = boost::urls::parse_origin_form(boost::urls::string_view(target.data(), target.size()));
        if (!parsed) return false;
        for (const auto& segment : parsed->segments()) {
            request.path += "/" + std::string(segment);
            if (segment.find('\0') != std::string::npos) return false;
        }
        if (request.path.empty()) request.path = "/";
        boost::urls::encoding_opts plus;
        plus.space_as_plus = true;
        for (const auto& parameter : parsed->encoded_params())
            request.query.emplace_back(parameter.key.decode(plus), parameter.value.decode(plus));
        return true;
    }

    static std::string head_of(unsigned status, unsigned version, bool keep,
                               const std::vector<std::pair<std::string, std::string>>& headers) {
        const std::string reason =
            status == 460 ? "Checksum Mismatch"  // tus's own
                          : std::string(beast::http::obsolete_reason(static_cast<beast::http::status>(status)));
        std::string text = "HTTP/" + std::string(version == 10 ? "1.0" : "1.1") + " " + std::to_string(status) + " " +
                           reason + "\r\nServer: xenkiln\r\n";
        for (const auto& [name, value] : headers)
            if (value.find_first_of("\r\n") == std::string::npos) text += name + ": " + value + "\r\n";
        return text + "X-Content-Type-Options: nosniff\r\nConnection: " + (keep ? "keep-alive" : "close") + "\r\n";
    }

    asio::awaitable<bool> write(const std::string& text) {
        error_code error;
        stream_.expires_after(write_limit);
        const std::size_t put =
            co_await asio::async_write(stream_, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
        if (access_) access_->sent(put);
        if (access_ && error)
            access_->ended_by(error == beast::error::timeout ? "given up on a client that took nothing"
                                                             : "closed by the client");
        co_return !error;
    }

    asio::awaitable<bool> send_text(const Response& response, unsigned version, bool keep, bool head) {
        const std::string length =  // RFC 9110: 204 has none
            response.status == 204 ? "" : "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
        const std::string header = head_of(response.status, version, keep, response.headers) + length + "\r\n";
        const std::string text = header + (head ? "" : response.body);
        access_->answer(response.status, header.size(), text.size() - header.size());
        co_return co_await write(text) && keep;
    }

    asio::awaitable<bool> send_file(const Response& response, const Request& request, unsigned version, bool keep,
                                    bool head) {
        const FileBody& body = *response.file;
        formats::File file;
        std::string trouble;
        try {
            file = formats::File::open_read(body.path);
        } catch (const std::exception& error) {
            trouble = error.what();
        }
        if (!trouble.empty()) {
            const Response refusal = api::problem(500, trouble);
            co_return co_await send_text(refusal, version, keep, head);
        }
        const Content content{file.size(), body.etag, body.one_shot, &file, nullptr};
        co_return co_await send_content(response, content, request, version, keep, head);
    }

    // What is sent by ranges: a file, or bytes that are made.
    struct Content {
        std::uint64_t size;
        std::string etag;
        bool one_shot;
        const formats::File* file;
        const RangedBody* made;
    };

    asio::awaitable<void> pause(std::chrono::milliseconds time) {
        error_code error;
        asio::steady_timer timer(stream_.get_executor(), time);
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }

    asio::awaitable<void> read(const Content& content, std::uint64_t offset, std::string& bytes) {
        const std::span<std::byte> out = std::as_writable_bytes(std::span(bytes));
        if (content.file) {
            content.file->read_at(offset, out);
            co_return;
        }
        auto work = [&]() -> asio::awaitable<bool> { co_return content.made->read(offset, out); };
        while (!co_await asio::co_spawn(shared_.pool, work, asio::use_awaitable)) co_await pause(10ms);
    }

    asio::awaitable<bool> send_content(const Response& response, const Content& content, const Request& request,
                                       unsigned version, bool keep, bool head) {
        const auto header = [&](const char* name) {
            const auto found = request.headers.find(name);
            return found == request.headers.end() ? std::string() : found->second;
        };
        const std::uint64_t size = content.size;
        // Range is for GET alone; HEAD tells of the whole.
        const Selection part =
            select({head ? "" : header("range"), header("if-range"), header("if-none-match")}, size, content.etag);
        if (part.status == 416) {
            Response refusal = api::problem(416, "the file has " + std::to_string(size) + " bytes; " +
                                                     header("range").substr(0, 100) + " begins past its end");
            refusal.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
            co_return co_await send_text(refusal, version, keep, head);
        }
        // An importing host reads the raw socket until its end: it must come, and nothing behind it.
        if (content.one_shot && part.status == 200 && !head) keep = false;
        std::string text = head_of(part.status, version, keep, response.headers);
        if (!content.etag.empty()) text += "ETag: \"" + content.etag + "\"\r\n";
        text += "Accept-Ranges: bytes\r\n";
        if (part.status == 206)
            text += "Content-Range: bytes " + std::to_string(part.offset) + "-" +
                    std::to_string(part.offset + part.length - 1) + "/" + std::to_string(size) + "\r\n";
        if (part.status != 304) text += "Content-Length: " + std::to_string(part.length) + "\r\n";
        text += "\r\n";
        const bool bare = head || part.status == 304;
        access_->answer(part.status, text.size(), bare ? 0 : part.length);
        if (!co_await write(text)) co_return false;
        if (bare) co_return keep;
        std::string bytes;
        for (std::uint64_t done = 0; done < part.length; done += bytes.size()) {
            bytes.resize(std::min<std::uint64_t>(block, part.length - done));
            co_await read(content, part.offset + done, bytes);
            if (!co_await write(bytes)) co_return false;
        }
        co_return keep;
    }

    static std::string chunk_of(const std::string& text) {
        std::array<char, 16> size{};
        const auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
        return std::string(size.data(), end) + "\r\n" + text + "\r\n";
    }

    bool peer_sends_no_more() {
        char byte = 0;
        return ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }

    // In chunks, so that an end is told from a broken connection; HTTP/1.0 has none.
    asio::awaitable<void> send_events(const Response& response, unsigned version, bool head) {
        const bool chunks = version >= 11;
        const std::string header =
            head_of(200, version, false, response.headers) + (chunks ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
        access_->answer(200, header.size(), head ? std::optional<std::uint64_t>(0) : std::nullopt);
        if (!co_await write(header) || head) co_return;
        std::uint64_t after = response.events->after;
        asio::steady_timer timer(stream_.get_executor());
        auto quiet = 0ms;
        for (;;) {
            auto work = [&]() -> asio::awaitable<Events> { co_return response.events->next(after, 0); };
            const Events found = co_await asio::co_spawn(shared_.pool, work, asio::use_awaitable);
            std::string text;
            for (const Event& event : found.events) {
                text += "id: " + std::to_string(event.sequence) + "\nevent: " + event.type + "\ndata: " + event.data +
                        "\n\n";
                after = event.sequence;
            }
            quiet = text.empty() ? quiet + 250ms : 0ms;
            // Who sends no more may be gone for good: the next words tell, and its place is given back.
            if (quiet >= (peer_sends_no_more() ? 1s : 15s)) {
                text = ": still here\n\n";
                quiet = 0ms;
            }
            if (chunks && !text.empty()) text = chunk_of(text);
            const bool last = found.ended || shared_.connections.stopping();
            if (last && chunks) text += "0\r\n\r\n";
            if (!text.empty() && !co_await write(text)) co_return;
            if (last) {
                access_->complete();
                co_return;
            }
            if (!found.events.empty()) continue;
            error_code error;
            timer.expires_after(250ms);
            co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
            if (error) co_return;
        }
    }

    beast::tcp_stream& stream_;
    beast::flat_buffer buffer_;
    Connections::Place& place_;
    const Shared& shared_;
    std::optional<AccessLine> access_;  // of the request that is being answered
};

}  // namespace

asio::awaitable<void> run_session(std::shared_ptr<beast::tcp_stream> stream, std::shared_ptr<Connections::Place> place,
                                  const Shared& shared) {
    Session session(*stream, *place, shared);
    try {
        co_await session.run();
    } catch (const std::exception& error) {
        spdlog::warn("a connection ended: {}", error.what());
    }
}

}  // namespace server::http
