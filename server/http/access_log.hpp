// SPDX-License-Identifier: Apache-2.0
#pragma once
// One line in the service's log for each answer, when it is over: what was asked, the status that was sent, and how
// much of the body reached the kernel on the client's behalf:
//     GET /download/r/r.xva 206 1048576 bytes
//     GET /download/r/r.xva 200 closed by the client after 262144 of 50331648 bytes
//     PATCH /v1/uploads/0123 closed by the client before it had an answer
// Values of a query that may be secrets read "(removed)".
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace server::http {

class AccessLine {
public:
    // Of a request whose line could not be read: "-", "-".
    AccessLine(std::string_view method, std::string_view target);
    AccessLine(const AccessLine&) = delete;
    AccessLine& operator=(const AccessLine&) = delete;
    ~AccessLine();  // writes it; never throws

    // From here on bytes are of this answer. `body`: bytes to come behind the header; none: as many as there will be.
    void answer(unsigned status, std::size_t header, std::optional<std::uint64_t> body);
    void sent(std::size_t bytes) { sent_ += bytes; }
    void ended_by(std::string what) { ended_ = std::move(what); }
    void complete() { complete_ = true; }  // of an answer without a length: it came to its end

    std::string text() const;

private:
    std::string request_;
    unsigned status_ = 0;  // 0: there was no answer
    std::uint64_t header_ = 0, sent_ = 0;
    std::optional<std::uint64_t> body_;
    std::string ended_ = "broken off by the service";  // when it did not come to its end
    bool complete_ = false;
};

}  // namespace server::http
