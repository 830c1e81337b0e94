// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/event_log.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <span>
#include <system_error>

namespace server::jobs {

namespace json = boost::json;
constexpr std::size_t most_at_once = 500;
constexpr const char* one_lost = "{\"events\":1}";  // of a line that a damaged disk made unreadable

EventLog::EventLog(const std::filesystem::path& file) : file_(file) {
    std::ifstream in(file, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
        if (in.eof()) break;  // without its end
        offsets_.push_back(size_);
        size_ += line.size() + 1;
    }
}

// What a life or a try before left behind the whole lines is cut off.
void EventLog::open() {
    if (out_.descriptor() >= 0) return;
    const int descriptor = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "open " + file_.string());
    formats::File file(descriptor, file_.string());
    file.truncate(size_);
    out_ = std::move(file);
}

void EventLog::append(const std::string& type, const std::string& data) {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> begins;
    std::string lines;
    const auto add = [&](const std::string& kind, const std::string& what) {
        begins.push_back(size_ + lines.size());
        lines += "{\"id\":" + std::to_string(offsets_.size() + begins.size()) + ",\"type\":\"" + kind +
                 "\",\"data\":" + what + "}\n";
    };
    if (lost_ > 0) add("lost", "{\"events\":" + std::to_string(lost_) + "}");
    add(type, data);
    try {
        open();
        out_.write_at(size_, std::as_bytes(std::span(lines)));
    } catch (const std::system_error& error) {
        if (lost_++ == 0) spdlog::error("events of a job are being lost: {}", error.what());
        cut();
        return;
    }
    lost_ = 0;
    offsets_.insert(offsets_.end(), begins.begin(), begins.end());
    size_ += lines.size();
    changed_.notify_all();
}

// The room that half a line took is given back, if the disk lets us; open() sees to it otherwise.
void EventLog::cut() {
    try {
        if (out_.descriptor() >= 0) out_.truncate(size_);
    } catch (const std::system_error&) {
        out_ = {};
    }
}

void EventLog::end() {
    const std::lock_guard lock(mutex_);
    try {
        if (out_.descriptor() >= 0) out_.sync();
    } catch (const std::system_error& error) {
        spdlog::error("events of a job may be lost: {}", error.what());
    }
    ended_ = true;
    changed_.notify_all();
}

Events EventLog::after(std::uint64_t sequence, unsigned wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(wait), [&] { return ended_ || offsets_.size() > sequence; });
    Events result;
    const std::size_t last = std::min<std::size_t>(offsets_.size(), sequence + most_at_once);
    std::uint64_t number = sequence;
    std::ifstream in;
    if (number < last) {
        in.open(file_, std::ios::binary);
        in.seekg(static_cast<std::streamoff>(offsets_[sequence]));
    }
    for (std::string line; number < last && std::getline(in, line);) {
        json::error_code wrong;
        const json::value event = json::parse(line, wrong);
        const json::object* object = wrong ? nullptr : event.if_object();
        const json::value* type = object ? object->if_contains("type") : nullptr;
        const json::value* data = object ? object->if_contains("data") : nullptr;
        ++number;
        if (type && type->is_string() && data)
            result.events.push_back({number, json::value_to<std::string>(*type), json::serialize(*data)});
        else
            result.events.push_back({number, "lost", one_lost});
    }
    result.ended = ended_ && number >= offsets_.size();  // not while some cannot be read: they may be the next time
    return result;
}

}  // namespace server::jobs
