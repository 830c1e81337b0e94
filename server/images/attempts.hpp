// SPDX-License-Identifier: Apache-2.0
#pragma once
// Things that take long to open, each opened once, on a thread of its own, for all who ask for it meanwhile. The ones
// used last are kept. A failure is an answer too, for a while: see StoredImages. Not thread-safe: its owner has a lock.
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "formats/image/shared_image.hpp"

namespace server::images {

template <class T>
class Attempt {
public:
    using Clock = std::chrono::steady_clock;

    explicit Attempt(std::function<T()> open)
        : result_(std::async(std::launch::async, [open = std::move(open), failed = failed_] {
                      try {
                          return open();
                      } catch (const formats::NotReadableAnywhere&) {
                          throw;  // of what is stored, which never changes
                      } catch (...) {
                          *failed = Clock::now().time_since_epoch().count();
                          throw;
                      }
                  }).share()) {}

    bool over() const { return result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
    T get() const { return result_.get(); }  // waits; throws what the opening threw
    void wait() const { result_.wait(); }
    // It failed that long ago, by something that may be otherwise now.
    bool stale(Clock::duration after) const {
        return over() && *failed_ != 0 && Clock::now() - Clock::time_point(Clock::duration(failed_->load())) >= after;
    }

private:
    std::shared_ptr<std::atomic<Clock::rep>> failed_ = std::make_shared<std::atomic<Clock::rep>>(0);
    std::shared_future<T> result_;
};

template <class T>
class Attempts {
public:
    Attempts(std::size_t most, std::chrono::milliseconds failure_stays) : most_(most), failure_stays_(failure_stays) {}

    // The attempt of that key. When there is none, or none that still counts, one begins with what `opening` returns:
    // a function that opens it, on another thread.
    const Attempt<T>& of(const std::string& key, const std::function<std::function<T()>()>& opening) {
        auto found = list_.begin();
        while (found != list_.end() && found->first != key) ++found;
        if (found != list_.end() && found->second.stale(failure_stays_)) {
            list_.erase(found);
            found = list_.end();
        }
        if (found == list_.end()) {
            list_.emplace_front(key, Attempt<T>(opening()));
            if (list_.size() > most_ && list_.back().second.over()) list_.pop_back();
        } else {
            list_.splice(list_.begin(), list_, found);
        }
        return list_.front().second;
    }
    void wait() const {
        for (const auto& [key, attempt] : list_) attempt.wait();
    }

private:
    std::size_t most_;
    std::chrono::milliseconds failure_stays_;
    std::list<std::pair<std::string, Attempt<T>>> list_;  // the one used last first
};

}  // namespace server::images
