// SPDX-License-Identifier: Apache-2.0
#pragma once
// The events of one job, in a file of JSON lines {"id":1,"type":"step","data":{…}}, for listeners that come
// early, late or again. Thread-safe.
//
// An event that cannot be written (a full disk) is no event: it has no number, leaves no part of a line, and the job
// goes on, because what it makes is judged by its own writes. That it was lost is told in the service's log when it
// begins, and with the next event that can be written by one of its own before it: "lost", {"events": how many}.
// Lines are with the kernel when append() returns, and on the disk when end() does; a power cut before takes the last
// of them, and the job begins anew after it.
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "formats/base/file.hpp"
#include "server/jobs/job_runner.hpp"

namespace server::jobs {

class EventLog {
public:
    // Goes on after what is in the file already; a half-written last line is cut off.
    explicit EventLog(const std::filesystem::path& file);

    void append(const std::string& type, const std::string& json_object);
    void end();  // no more will come; wakes the listeners
    void resume() { ended_ = false; }

    Events after(std::uint64_t sequence, unsigned wait_milliseconds);

private:
    void open();
    void cut();

    std::filesystem::path file_;
    std::mutex mutex_;
    std::condition_variable changed_;
    formats::File out_;                   // not open until there was room to make it
    std::vector<std::uint64_t> offsets_;  // of line n + 1
    std::uint64_t size_ = 0;              // of the whole lines
    std::uint64_t lost_ = 0;              // events since the last that was written
    bool ended_ = false;
};

}  // namespace server::jobs
