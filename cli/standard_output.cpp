// SPDX-License-Identifier: Apache-2.0
#include "cli/standard_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

namespace cli {

StandardOutput::StandardOutput() : before_(std::cout.rdbuf(this)) {
    setp(buffer_.begin(), buffer_.end());
}

StandardOutput::~StandardOutput() {
    std::cout.rdbuf(before_);
}

int StandardOutput::close() {
    write_out();
    if (used_ && ::close(STDOUT_FILENO) != 0 && error_ == 0) error_ = errno;
    return error_;
}

StandardOutput::int_type StandardOutput::overflow(int_type next) {
    if (!write_out()) return traits_type::eof();
    if (!traits_type::eq_int_type(next, traits_type::eof())) sputc(traits_type::to_char_type(next));
    return traits_type::not_eof(next);
}

int StandardOutput::sync() {
    return write_out() ? 0 : -1;
}

bool StandardOutput::write_out() {
    const char* at = pbase();
    while (error_ == 0 && at < pptr()) {
        used_ = true;
        const ssize_t put = ::write(STDOUT_FILENO, at, static_cast<std::size_t>(pptr() - at));
        if (put >= 0) {
            at += put;
        } else if (errno == EAGAIN) {  // whoever shares it with us made it so
            pollfd room{STDOUT_FILENO, POLLOUT, 0};
            ::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            error_ = errno;
        }
    }
    if (error_ == 0) {
        setp(buffer_.begin(), buffer_.end());
        return true;
    }
    setp(nullptr, nullptr);
    errno = error_;
    return false;
}

void hold_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})  // the lowest free number is the next
        if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF)
            (void)::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace cli
