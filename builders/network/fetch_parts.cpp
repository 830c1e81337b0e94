// SPDX-License-Identifier: Apache-2.0
#include "builders/network/fetch_parts.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "builders/job/errors.hpp"
#include "builders/network/fetch_answer.hpp"
#include "builders/network/pause.hpp"

namespace builders::network {
namespace {

class Parts {
public:
    Parts(const Getter& getter, PartialFile& file, const FetchRequest& request, const std::stop_token& stop)
        : getter_(getter),
          file_(file),
          request_(request),
          stop_(stop),
          next_(file.size()),
          total_(*file.total()),
          received_(file.size()),
          passed_on_(stop, [this] { all_.request_stop(); }) {}

    void run() {
        {
            std::vector<std::jthread> workers;
            for (unsigned i = 0; i < request_.connections; ++i) workers.emplace_back([this] { work(); });
        }
        if (stop_.stop_requested()) throw Cancelled();
        if (trouble_) std::rethrow_exception(trouble_);
    }

private:
    void work() {
        try {
            Getter getter = getter_;
            while (!all_.stop_requested()) {
                std::unique_lock lock(mutex_);
                const std::uint64_t begin = next_, end = std::min(total_, begin + part_bytes);
                if (begin == end) return;
                next_ = end;
                lock.unlock();
                bring(getter, begin, end);
                lock.lock();
                here_.insert(begin);
                while (here_.erase(file_.size()) > 0) file_.advance(std::min(total_, file_.size() + part_bytes));
            }
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!trouble_) trouble_ = std::current_exception();
            all_.request_stop();
        }
    }

    void bring(Getter& getter, std::uint64_t at, std::uint64_t end) {
        const std::stop_token stop = all_.get_token();
        for (unsigned in_vain = 0;;) {
            const std::uint64_t before = at;
            try {
                bring_once(getter, at, end, stop);
                return;
            } catch (const FetchBroken& error) {
                in_vain = at > before ? 0 : in_vain + 1;
                if (changed_ || in_vain >= request_.tries || std::chrono::steady_clock::now() >= getter.deadline())
                    throw;
            }
            pause_after(in_vain, request_.pause, getter.deadline(), stop);
        }
    }

    void bring_once(Getter& getter, std::uint64_t& at, std::uint64_t end, const std::stop_token& stop) {
        const std::string range = std::to_string(at) + "-" + std::to_string(end - 1);
        const std::uint64_t asked = at;
        Receiver receiver;
        receiver.head = [&](const Head& head) {
            const Answer answer = read_answer(head, getter.target(), asked, true);
            const auto part = parse_content_range(head.value("content-range"));
            if (head.status == 206 && part && part->last == end - 1 && (!answer.total || answer.total == total_) &&
                !contradicts(answer.validator, file_.validator()))
                return;
            changed_ = true;
            throw FetchBroken(printable(getter.target()) + ": it has become another file");
        };
        receiver.body = [&](std::span<const std::byte> bytes) {
            if (bytes.size() > end - at)
                throw FetchFailed(printable(getter.target()) + ": more than " + range + " came");
            file_.put(at, bytes);
            at += bytes.size();
            const std::lock_guard lock(mutex_);
            received_ += bytes.size();
            if (request_.progress) request_.progress(received_, total_);
            return true;
        };
        getter.get({{"Accept-Encoding", "identity"}, {"Range", "bytes=" + range}, {"If-Range", file_.validator()}},
                   receiver, stop);
        if (at != end)
            throw FetchBroken(printable(getter.target()) + ": of the bytes " + range + " only " +
                              std::to_string(at - asked) + " came");
    }

    const Getter& getter_;
    PartialFile& file_;
    const FetchRequest& request_;
    const std::stop_token& stop_;
    std::mutex mutex_;
    std::uint64_t next_;
    const std::uint64_t total_;
    std::uint64_t received_;
    std::set<std::uint64_t> here_;  // where parts begin that are whole and have a gap before them
    std::atomic<bool> changed_ = false;
    std::exception_ptr trouble_;
    std::stop_source all_;
    std::stop_callback<std::function<void()>> passed_on_;
};

}  // namespace

void fetch_parts(const Getter& getter, PartialFile& file, const FetchRequest& request, const std::stop_token& stop) {
    Parts(getter, file, request, stop).run();
}

}  // namespace builders::network
