// SPDX-License-Identifier: Apache-2.0
#pragma once
// ^C and SIGTERM of a command that has something to clean up.
#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

namespace cli {

// Comes before any thread is started: they inherit it.
void block_interrupts();

// The same for a part of a command: what they did before, they do again behind it.
class InterruptsBlocked {
public:
    InterruptsBlocked();
    InterruptsBlocked(const InterruptsBlocked&) = delete;
    InterruptsBlocked& operator=(const InterruptsBlocked&) = delete;
    ~InterruptsBlocked();

private:
    sigset_t before_;
};

// While it lives, ^C and SIGTERM do what is asked here instead of ending us.
class Interrupt {
public:
    explicit Interrupt(std::function<void()> act);
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();

private:
    std::atomic<bool> over_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace cli
