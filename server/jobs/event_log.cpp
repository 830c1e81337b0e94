// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/event_log.hpp"

#include <boost/json.hpp>
#include <chrono>

namespace server::jobs {

namespace json = boost::json;
constexpr std::size_t most_at_once = 500;

EventLog::EventLog(const std::filesystem::path& file) : file_(file) {
    std::ifstream in(file, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
        if (in.eof()) break;  // without its end
        offsets_.push_back(size_);
        size_ += line.size() + 1;
    }
    std::error_code none;
    if (std::filesystem::exists(file, none)) std::filesystem::resize_file(file, size_);
    out_.open(file, std::ios::binary | std::ios::app);
}

void EventLog::append(const std::string& type, const std::string& data) {
    const std::lock_guard lock(mutex_);
    const std::string line =
        "{\"id\":" + std::to_string(offsets_.size() + 1) + ",\"type\":\"" + type + "\",\"data\":" + data + "}\n";
    out_ << line << std::flush;
    offsets_.push_back(size_);
    size_ += line.size();
    changed_.notify_all();
}

void EventLog::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

JobRunner::Events EventLog::after(std::uint64_t sequence, unsigned wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(wait), [&] { return ended_ || offsets_.size() > sequence; });
    JobRunner::Events result;
    const std::size_t last = std::min<std::size_t>(offsets_.size(), sequence + most_at_once);
    result.ended = ended_ && last == offsets_.size();
    if (sequence >= offsets_.size()) return result;
    std::ifstream in(file_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offsets_[sequence]));
    for (std::uint64_t number = sequence + 1; number <= last; ++number) {
        std::string line;
        if (!std::getline(in, line)) break;
        const json::object event = json::parse(line).as_object();
        result.events.push_back(
            {number, json::value_to<std::string>(event.at("type")), json::serialize(event.at("data"))});
    }
    return result;
}

}  // namespace server::jobs
