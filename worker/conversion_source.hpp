// SPDX-License-Identifier: Apache-2.0
#pragma once
// The file a conversion reads: fetched, watched while it is read, and what is known of it.
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "builders/plan/build_host.hpp"
#include "formats/disk/file_disk.hpp"
#include "worker/conversion_request.hpp"
#include "worker/run_conversion.hpp"

namespace worker {

// Counts what is read, and throws builders::Cancelled when stopped: whatever reads an image ends with it.
class WatchedFile : public formats::BlockSource {
public:
    WatchedFile(const std::filesystem::path& path, std::stop_token stop);
    std::uint64_t virtual_size() const override { return file_->virtual_size(); }
    formats::Extent extent_at(std::uint64_t offset) override;
    void read_at(std::uint64_t offset, std::span<std::byte> out) override;
    std::uint64_t bytes_read() const { return read_; }

private:
    std::shared_ptr<formats::BlockSource> file_;
    std::stop_token stop_;
    std::atomic<std::uint64_t> read_ = 0;
};

// Stops the conversion when it takes too long or leaves too little free, or when it is stopped from outside.
class ConversionWatch {
public:
    ConversionWatch(std::filesystem::path folder, const builders::Limits& limits, const std::stop_token& outside);
    std::stop_token stop() const { return stop_.get_token(); }
    std::string struck() const;  // which limit, as a sentence; empty: none

private:
    void watch(const std::stop_token& end);
    void strike(const std::string& why);

    std::filesystem::path folder_;
    builders::Limits limits_;
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> outside_;
    mutable std::mutex mutex_;
    std::string struck_;
    std::jthread thread_;  // last: it uses the others
};

struct SourceFacts {
    std::string name;    // as its owner calls it; by its ending it declares a format
    std::string sha256;  // where it is known without reading it for that
};
SourceFacts source_facts(const std::filesystem::path& folder, const boost::json::object& request);

// What is brought from an address, in its job's folder: there source.part, which a later attempt goes on with, then
// source, and source.json, which says what came.
inline constexpr const char* fetched_folder = "source.fetched";
// The file itself: fetched, or <job>/source.
std::filesystem::path source_file(const std::filesystem::path& folder);

// Nothing is fetched twice.
void fetch_source(const std::filesystem::path& folder, const ConversionSource& source, const builders::BuildHost& host,
                  std::uint64_t max_bytes, const Fetch& fetch, LineProgress& progress, const std::stop_token& stop);

}  // namespace worker
