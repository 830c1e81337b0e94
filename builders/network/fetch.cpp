// SPDX-License-Identifier: Apache-2.0
#include "builders/network/fetch.hpp"

#include <system_error>

#include "builders/network/fetch_answer.hpp"
#include "builders/network/fetch_parts.hpp"
#include "builders/network/partial_file.hpp"
#include "builders/network/pause.hpp"
#include "builders/network/redirects.hpp"
#include "formats/base/text.hpp"
#include "formats/stream/digest.hpp"

namespace builders::network {
namespace {

using Clock = std::chrono::steady_clock;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr unsigned most_tries = 200;  // of a server that breaks off after every few bytes

GetRules rules_of(const FetchRequest& request) {
    GetRules rules;
    rules.allowed_hosts = request.allowed_hosts;
    rules.trusted_address = request.trusted_address;
    rules.plain_after_https = !request.sha256.empty();
    rules.proxies = request.proxies;
    rules.connect = request.connect;
    rules.stall = request.stall;
    if (request.time.count() > 0) rules.deadline = Clock::now() + request.time;
    return rules;
}

std::string checked_digest(const std::string& text) {
    if (text.empty()) return text;
    const std::string digest = formats::lower(text);
    if (!formats::is_sha256(digest)) throw FetchRefused("'" + text.substr(0, 80) + "' is not a SHA-256: 64 hex digits");
    return digest;
}

std::string of_total(std::uint64_t done, const std::optional<std::uint64_t>& total) {
    return std::to_string(done) + (total ? " of " + std::to_string(*total) : std::string()) + " bytes";
}

class Fetch {
public:
    Fetch(const FetchRequest& request, const std::stop_token& stop)
        : request_(request),
          stop_(stop),
          digest_(checked_digest(request.sha256)),
          rules_(rules_of(request)),
          getter_(request.url, rules_),
          shown_(printable(getter_.target())),
          file_(request.file, request.url),
          highest_(file_.size()) {}

    Fetched run() {
        unsigned in_vain = 0, all = 0;
        while (!try_once(in_vain, all)) {
            if (file_.size() > highest_) in_vain = 0;
            highest_ = std::max(highest_, file_.size());
            pause_after(in_vain, request_.pause, rules_.deadline, stop_);
        }
        Fetched fetched{file_.size(), file_.finish(), from_, file_name_of(getter_.target().path)};
        if (!digest_.empty() && fetched.sha256 != digest_) {
            file_.discard();
            throw FetchRefused(shown_ + ": the SHA-256 of its " + std::to_string(fetched.size) + " bytes is " +
                               fetched.sha256 + ", and it had to be " + digest_ + "; they were removed");
        }
        return fetched;
    }

private:
    // True: all is there. False: it broke, and the next try may bring more.
    bool try_once(unsigned& in_vain, unsigned& all) {
        try {
            get();
            return true;
        } catch (const FetchBroken& error) {
            if (rules_.deadline - Clock::now() < std::chrono::milliseconds(10))
                throw FetchFailed(shown_ + ": not here after " + std::to_string(request_.time.count()) + " s, only " +
                                  of_total(file_.size(), file_.total()));
            const bool nothing_new = file_.size() <= highest_;
            if ((nothing_new && ++in_vain >= request_.tries) || ++all >= most_tries)
                throw FetchFailed(std::string(error.what()) + "; tried " + std::to_string(nothing_new ? in_vain : all) +
                                  " times, " + of_total(file_.size(), file_.total()) + " are here");
            return false;
        }
    }

    void get() {
        Headers headers{{"Accept-Encoding", "identity"}};
        std::optional<std::uint64_t> asked;
        if (!file_.validator().empty() && file_.size() > 0) {
            asked = file_.size();
            headers.emplace_back("Range", "bytes=" + std::to_string(*asked) + "-");
            headers.emplace_back("If-Range", file_.validator());
        }
        Receiver receiver;
        receiver.head = [&](const Head& head) { take(head, asked); };
        receiver.body = [&](std::span<const std::byte> bytes) {
            if (complete_ || in_parts_) return false;
            if (request_.max_bytes != 0 && bytes.size() > request_.max_bytes - file_.size()) refuse_size();
            file_.append(bytes);
            if (request_.progress) request_.progress(file_.size(), file_.total());
            return true;
        };
        complete_ = in_parts_ = false;
        from_ = printable(getter_.get(headers, receiver, stop_));
        if (in_parts_) {
            file_.with_gaps();
            one_by_one_ = true;  // the next time: ranges are not what this server does best
            fetch_parts(getter_, file_, request_, stop_);
        }
        if (file_.total() && file_.size() != *file_.total())
            throw FetchBroken(shown_ + ": the connection ended at " + of_total(file_.size(), file_.total()));
    }

    void take(const Head& head, std::optional<std::uint64_t> asked) {
        if (head.status == 416 && asked) {
            if (file_.total() == asked && head.value("content-range") == "bytes */" + std::to_string(*asked)) {
                complete_ = true;  // an earlier life ended between the last byte and its return
                return;
            }
            restart("the server has no byte " + std::to_string(*asked) + " of it any more");
        }
        const Answer answer = read_answer(head, getter_.target(), asked, !digest_.empty());
        if (answer.offset == 0)
            file_.begin(answer.validator, answer.total);
        else if ((answer.total && answer.total != file_.total()) || contradicts(answer.validator, file_.validator()))
            restart("it has become another file");
        const std::optional<std::uint64_t> total = file_.total();
        if (total && request_.max_bytes != 0 && *total > request_.max_bytes) refuse_size();
        if (total) require_room(*total - std::min(*total, file_.size()));
        in_parts_ = request_.connections > 1 && !one_by_one_ && answer.in_parts && total &&
                    !file_.validator().empty() && *total - std::min(*total, file_.size()) >= 2 * part_bytes;
        if (request_.progress) request_.progress(file_.size(), total);
    }

    [[noreturn]] void restart(const std::string& why) {
        file_.begin({}, {});
        throw FetchBroken(shown_ + ": " + why);
    }

    [[noreturn]] void refuse_size() {
        const std::optional<std::uint64_t> total = file_.total();
        file_.discard();
        throw FetchRefused(shown_ + ": it has " + (total ? std::to_string(*total) : std::string("more")) +
                           " bytes, and " + std::to_string(request_.max_bytes) + " are the most");
    }

    void require_room(std::uint64_t bytes) const {
        const std::filesystem::path folder = std::filesystem::absolute(file_.path()).parent_path();
        const std::uint64_t free = std::filesystem::space(folder).available;
        if (bytes > free)
            throw std::system_error(ENOSPC, std::generic_category(),
                                    shown_ + ": " + std::to_string(bytes) + " bytes are to come, and " +
                                        folder.string() + " has " + std::to_string(free) + " left");
    }

    const FetchRequest& request_;
    const std::stop_token& stop_;
    std::string digest_;
    GetRules rules_;
    Getter getter_;
    std::string shown_, from_;
    PartialFile file_;
    std::uint64_t highest_;  // bytes that were here at once
    bool complete_ = false, in_parts_ = false, one_by_one_ = false;
};

}  // namespace

Fetched fetch(const FetchRequest& request, const std::stop_token& stop) {
    return Fetch(request, stop).run();
}

std::string fetch_text(const FetchRequest& request, const std::stop_token& stop) {
    Getter getter(request.url, rules_of(request));
    const std::string digest = checked_digest(request.sha256), shown = printable(getter.target());
    std::string text;
    Receiver receiver;
    receiver.head = [&](const Head& head) { read_answer(head, getter.target(), {}, !digest.empty()); };
    receiver.body = [&](std::span<const std::byte> bytes) {
        if (text.size() + bytes.size() > request.max_bytes)
            throw FetchRefused(shown + ": it has more than " + std::to_string(request.max_bytes) + " bytes");
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return true;
    };
    for (unsigned in_vain = 1;; ++in_vain) {
        try {
            text.clear();
            getter.get({{"Accept-Encoding", "identity"}}, receiver, stop);
            break;
        } catch (const FetchBroken&) {
            if (in_vain >= request.tries) throw;
            pause_after(in_vain, request.pause, std::chrono::steady_clock::time_point::max(), stop);
        }
    }
    const std::string found = formats::digest_hex(formats::DigestKind::sha256, text);
    if (!digest.empty() && found != digest)
        throw FetchRefused(shown + ": its SHA-256 is " + found + ", and it had to be " + digest);
    return text;
}

}  // namespace builders::network
