// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/masked_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <system_error>

namespace server::jobs {
namespace {

using formats::File;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

MaskedLog::MaskedLog(const std::filesystem::path& file, const SecretFilter& filter)
    : file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600), file.string()),
      end_(::eventfd(0, EFD_CLOEXEC), "end of the log") {
    if (file_.descriptor() < 0) fail("open " + file.string());
    std::array<int, 2> ends{};
    if (end_.descriptor() < 0 || ::pipe2(ends.data(), O_CLOEXEC) != 0) fail("make a pipe for " + file.string());
    out_ = File(ends[0], "worker's log");
    in_ = File(ends[1], "worker's log");
    if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) fail("make a pipe for " + file.string());
    thread_ = std::thread([this, filter] { write(filter); });
}

MaskedLog::~MaskedLog() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = ::write(end_.descriptor(), &one, sizeof one);
    thread_.join();
}

void MaskedLog::write(SecretFilter filter) const {
    SecretFilter::Stream stream(filter);
    std::array<std::byte, std::size_t{64} << 10> buffer{};
    bool lost = false;
    const auto put = [&](const std::string& text) {
        if (!lost) try {
                file_.write(std::as_bytes(std::span(text)));
            } catch (const std::system_error& error) {
                lost = true;  // the worker goes on, and must not wait for a full pipe
                spdlog::error("the rest of a job's log is lost: {}", error.what());
            }
    };
    for (bool ended = false;;) {
        const ssize_t got = ::read(out_.descriptor(), buffer.data(), buffer.size());
        if (got > 0) {
            put(stream.take({reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(got)}));
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else if (got == 0 || errno != EAGAIN || ended) {
            break;
        } else {
            std::array<pollfd, 2> ready{{{out_.descriptor(), POLLIN, 0}, {end_.descriptor(), POLLIN, 0}}};
            ::poll(ready.data(), ready.size(), -1);
            ended = ready[1].revents != 0;
        }
    }
    put(stream.rest());
}

}  // namespace server::jobs
