// SPDX-License-Identifier: Apache-2.0
#include "worker/conversion_source.hpp"

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <iterator>

#include "builders/job/errors.hpp"
#include "formats/base/whole_file.hpp"

namespace worker {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;

WatchedFile::WatchedFile(const fs::path& path, std::stop_token stop)
    : file_(formats::open_file(path)), stop_(std::move(stop)) {}

formats::Extent WatchedFile::extent_at(std::uint64_t offset) {
    if (stop_.stop_requested()) throw builders::Cancelled();
    return file_->extent_at(offset);
}

void WatchedFile::read_at(std::uint64_t offset, std::span<std::byte> out) {
    if (stop_.stop_requested()) throw builders::Cancelled();
    file_->read_at(offset, out);
    read_ += out.size();
}

ConversionWatch::ConversionWatch(fs::path folder, const builders::Limits& limits, const std::stop_token& outside)
    : folder_(std::move(folder)),
      limits_(limits),
      outside_(outside, [this] { stop_.request_stop(); }),
      thread_([this](const std::stop_token& end) { watch(end); }) {}

std::string ConversionWatch::struck() const {
    const std::lock_guard lock(mutex_);
    return struck_;
}

void ConversionWatch::strike(const std::string& why) {
    {
        const std::lock_guard lock(mutex_);
        struck_ = why;
    }
    stop_.request_stop();
}

void ConversionWatch::watch(const std::stop_token& end) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(limits_.seconds);
    std::mutex mutex;
    std::condition_variable_any ended;
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, end, 250ms, [&] { return end.stop_requested(); })) {
        std::error_code none;
        const fs::space_info space = fs::space(folder_, none);
        if (std::chrono::steady_clock::now() > until)
            return strike("the conversion took longer than its limit of " + std::to_string(limits_.seconds) + " s");
        if (!none && space.available < limits_.left)
            return strike("the conversion was stopped when " + std::to_string(space.available >> 20) +
                          " MiB were left free, " + std::to_string(limits_.left >> 20) + " MiB must be");
    }
}

fs::path source_file(const fs::path& folder) {
    const fs::path fetched = folder / fetched_folder / "source";
    return fs::exists(fetched) ? fetched : folder / "source";
}

SourceFacts source_facts(const fs::path& folder, const json::object& request) {
    json::value told = request.at("source");
    if (std::ifstream file(folder / fetched_folder / "source.json", std::ios::binary); file)
        told = json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
    const json::value* digest = told.as_object().if_contains("sha256");
    return {json::value_to<std::string>(told.at("name")), digest ? json::value_to<std::string>(*digest) : ""};
}

void fetch_source(const fs::path& job, const ConversionSource& source, const builders::BuildHost& host,
                  std::uint64_t max_bytes, const Fetch& fetch, LineProgress& progress, const std::stop_token& stop) {
    const fs::path folder = job / fetched_folder;
    if (fs::exists(folder / "source")) return progress.line("the source was fetched by an earlier attempt");
    if (!fetch) throw builders::StepFailed("this worker cannot fetch addresses; bring the image as an upload");
    builders::network::FetchRequest wanted;
    wanted.url = source.url;
    wanted.file = folder / "source.part";
    wanted.sha256 = source.sha256;
    wanted.max_bytes = std::max<std::uint64_t>(max_bytes, 1);
    wanted.time = std::chrono::seconds(host.limits.seconds);
    wanted.allowed_hosts = host.allowed_hosts;
    wanted.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total) {
        if (total && *total > 0) progress.fraction(static_cast<double>(done) / static_cast<double>(*total));
    };
    const builders::network::Fetched fetched = fetch(wanted, stop);
    progress.line("fetched " + std::to_string(fetched.size) + " bytes, SHA-256 " + fetched.sha256);
    const std::string told =
        json::serialize(json::object{{"name", fetched.file_name}, {"size", fetched.size}, {"sha256", fetched.sha256}});
    formats::write_whole_file(folder / "source.json", told);
    fs::rename(wanted.file, folder / "source");
    formats::sync_folder(folder);
}

}  // namespace worker
