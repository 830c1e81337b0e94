// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.hpp"

#include <csignal>

namespace cli {
namespace {

sigset_t interrupts() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

}  // namespace

void block_interrupts() {
    const sigset_t signals = interrupts();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

InterruptsBlocked::InterruptsBlocked() {
    const sigset_t signals = interrupts();
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
}

InterruptsBlocked::~InterruptsBlocked() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Interrupt::Interrupt(std::function<void()> act)
    : thread_([this, act = std::move(act)] {
          const sigset_t signals = interrupts();
          int signal = 0;
          while (::sigwait(&signals, &signal) == 0 && !over_) act();
      }) {}

Interrupt::~Interrupt() {
    over_ = true;
    ::pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread): it waits for it
    thread_.join();
}

}  // namespace cli
