// SPDX-License-Identifier: Apache-2.0
#pragma once
// The events of one job, in a file of JSON lines {"id":1,"type":"step","data":{…}}, for listeners that come
// early, late or again. Thread-safe.
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "server/jobs/job_runner.hpp"

namespace server::jobs {

class EventLog {
public:
    // Goes on after what is in the file already; a half-written last line is cut off.
    explicit EventLog(const std::filesystem::path& file);

    void append(const std::string& type, const std::string& json_object);
    void end();  // no more will come; wakes the listeners
    void resume() { ended_ = false; }

    JobRunner::Events after(std::uint64_t sequence, unsigned wait_milliseconds);

private:
    std::filesystem::path file_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::ofstream out_;
    std::vector<std::uint64_t> offsets_;  // of line n + 1
    std::uint64_t size_ = 0;
    bool ended_ = false;
};

}  // namespace server::jobs
