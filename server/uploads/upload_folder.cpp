// SPDX-License-Identifier: Apache-2.0
#include "server/uploads/upload_folder.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>

#include "server/clock.hpp"
#include "server/random_hex.hpp"
#include "server/uploads/upload_state.hpp"

namespace server::uploads {

namespace fs = std::filesystem;
using Reason = UploadRefused::Reason;

namespace {

constexpr std::uint64_t largest = std::uint64_t{1} << 60;  // sums of sizes fit in 64 bits, and files into off_t

void make_private_folder(const fs::path& folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw std::system_error(errno, std::generic_category(), "create " + folder.string());
    if (::chmod(folder.c_str(), 0700) != 0)
        throw std::system_error(errno, std::generic_category(), "chmod " + folder.string());
}

}  // namespace

UploadFolder::UploadFolder(fs::path folder, const Limits& limits, Surroundings surroundings)
    : folder_(std::move(folder)),
      limits_{std::min(limits.bytes, largest), limits.count, limits.seconds, limits.reserved_bytes},
      around_(std::move(surroundings)),
      boot_(boot_id()) {
    if (!around_.now) around_.now = unix_now;
    if (!around_.free_bytes) around_.free_bytes = [this] { return fs::space(folder_).available; };
    make_private_folder(folder_);
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.push_back(entry.path());
    for (const fs::path& one : found) try {
            if (one.filename().string().starts_with('.'))
                fs::remove_all(one);  // half made or half removed
            else
                take_up(one);
        } catch (const std::exception& error) {
            spdlog::error("{} is left alone, as it is not an upload: {}", one.string(), error.what());
        }
    sweep();
    const auto pause = std::chrono::seconds(std::clamp<std::uint64_t>(limits_.seconds / 4, 1, 600));
    sweeper_ = std::jthread([this, pause](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::unique_lock lock(mutex_);
            stopping_.wait_for(lock, stop, pause, [] { return false; });
            lock.unlock();
            if (!stop.stop_requested()) sweep();
        }
    });
}

void UploadFolder::take_up(const fs::path& folder) {
    Entry entry;
    Upload& upload = entry.upload = read_description(folder / "upload.json");
    upload.id = folder.filename();
    upload.file = folder / "data";
    const Mark mark = read_mark(folder / "mark");
    const formats::File data = open_write(upload.file);
    const std::uint64_t found = data.size();
    const bool real = mark.boot == boot_ && !mark.checked;
    upload.received = std::min({real ? found : mark.received, found, upload.size});
    if (found > upload.received) data.truncate(upload.received);
    data.sync();
    entry.used = mark.used;
    write_mark(entry, false);
    entries_.emplace(upload.id, entry);
}

Upload UploadFolder::told(const Entry& entry) const {
    Upload upload = entry.upload;
    upload.expires_at = entry.used + static_cast<std::int64_t>(limits_.seconds);
    upload.expires = rfc3339(upload.expires_at);
    return upload;
}

bool UploadFolder::expired(const Entry& entry) const {
    return !entry.busy && around_.now() >= entry.used + static_cast<std::int64_t>(limits_.seconds);
}

UploadFolder::Entry& UploadFolder::existing(const std::string& id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) throw UploadRefused(Reason::unknown, "there is no upload " + id.substr(0, 64));
    if (expired(found->second))
        throw UploadRefused(Reason::expired, "upload " + id + " expired at " + told(found->second).expires);
    return found->second;
}

std::optional<Upload> UploadFolder::find(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || expired(found->second)) return std::nullopt;
    Entry& entry = found->second;
    if (entry.upload.complete()) {
        entry.used = around_.now();
        write_mark(entry, false);
    }
    return told(entry);
}

Upload UploadFolder::read(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return told(existing(id));
}

bool UploadFolder::known(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return entries_.contains(id);
}

std::vector<Upload> UploadFolder::list() {
    std::vector<Upload> list;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, entry] : entries_)
            if (!expired(entry)) list.push_back(told(entry));
    }
    std::ranges::stable_sort(list, std::greater(), &Upload::created);
    return list;
}

void UploadFolder::check_room(std::uint64_t size) {
    if (size > limits_.bytes)
        throw UploadRefused(Reason::too_large, "the upload has " + std::to_string(size) + " bytes, at most " +
                                                   std::to_string(limits_.bytes) + " are allowed");
    if (entries_.size() >= limits_.count)
        throw UploadRefused(Reason::too_many, "there are " + std::to_string(entries_.size()) + " uploads, at most " +
                                                  std::to_string(limits_.count) +
                                                  " are kept; delete one, or wait until one expires");
    std::uint64_t promised = 0;
    for (const auto& [id, entry] : entries_) promised += entry.upload.size - entry.upload.received;
    const std::uint64_t free = around_.free_bytes(), need = size + promised + limits_.reserved_bytes;
    if (free < need)
        throw UploadRefused(Reason::no_space, "the upload needs " + std::to_string(need) + " free bytes (" +
                                                  std::to_string(size) + " of its own, " + std::to_string(promised) +
                                                  " for unfinished uploads, " + std::to_string(limits_.reserved_bytes) +
                                                  " are left free), there are " + std::to_string(free));
}

Upload UploadFolder::create(const std::string& name, std::uint64_t size, const std::string& metadata) {
    sweep();
    const std::lock_guard lock(mutex_);
    check_room(size);
    Entry entry;
    entry.used = around_.now();
    Upload& upload = entry.upload;
    upload.id = random_hex(16);
    upload.name = clean_name(name);
    upload.size = size;
    upload.created = rfc3339(entry.used);
    upload.metadata = metadata;
    const fs::path hidden = folder_ / ("." + upload.id), folder = folder_ / upload.id;
    make_private_folder(hidden);
    try {
        formats::File::create(hidden / "data", 0600).sync();
        const formats::File mark = formats::File::create(hidden / "mark", 0600);
        uploads::write_mark(mark, {0, false, entry.used, boot_});
        mark.sync();
        write_description(hidden / "upload.json", upload);
        formats::sync_folder(hidden);
        fs::rename(hidden, folder);
    } catch (...) {
        std::error_code none;
        fs::remove_all(hidden, none);
        throw;
    }
    formats::sync_folder(folder_);
    upload.file = folder / "data";
    entries_.emplace(upload.id, entry);
    return told(entry);
}

std::unique_ptr<UploadWriter> UploadFolder::write(const std::string& id, std::uint64_t offset,
                                                  const std::optional<Checksum>& checksum) {
    Upload upload;
    {
        const std::lock_guard lock(mutex_);
        Entry& entry = existing(id);
        if (entry.busy) throw UploadRefused(Reason::busy, "another connection is sending upload " + id + " just now");
        if (offset != entry.upload.received)
            throw UploadRefused(Reason::other_offset, "upload " + id + " goes on at byte " +
                                                          std::to_string(entry.upload.received) + ", not at " +
                                                          std::to_string(offset));
        entry.busy = true;
        upload = told(entry);
    }
    try {
        return std::make_unique<UploadWriter>(*this, upload, checksum);
    } catch (...) {
        const std::lock_guard lock(mutex_);
        entries_.at(id).busy = false;
        throw;
    }
}

void UploadFolder::mark(const std::string& id, std::uint64_t received, bool checked, bool over) {
    Entry next;
    {
        const std::lock_guard lock(mutex_);
        next = entries_.at(id);
    }
    next.used = around_.now();
    next.upload.received = received;
    next.busy = !over;
    std::exception_ptr trouble;
    try {
        write_mark(next, checked);  // outside of the lock: it waits for the disk, and nobody else writes this one
    } catch (...) {
        trouble = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_.at(id);
    if (trouble) next.upload.received = entry.upload.received;
    entry = next;
    if (trouble) std::rethrow_exception(trouble);
}

void UploadFolder::write_mark(const Entry& entry, bool checked) const {
    const formats::File file = open_write(entry.upload.file.parent_path() / "mark");
    uploads::write_mark(file, {entry.upload.received, checked, entry.used, boot_});
    file.sync();
}

fs::path UploadFolder::hide(const std::string& id) {
    const fs::path hidden = folder_ / ("." + id);
    fs::rename(folder_ / id, hidden);
    entries_.erase(id);
    return hidden;
}

void UploadFolder::remove(const std::string& id) {
    fs::path hidden;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(id);
        if (found == entries_.end()) throw UploadRefused(Reason::unknown, "there is no upload " + id.substr(0, 64));
        if (found->second.busy)
            throw UploadRefused(Reason::busy, "another connection is sending upload " + id + " just now");
        hidden = hide(id);
    }
    fs::remove_all(hidden);  // outside of the lock: large files take their time
}

void UploadFolder::sweep() {
    std::vector<fs::path> hidden;
    {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> over;
        for (const auto& [id, entry] : entries_)
            if (expired(entry)) over.push_back(id);
        for (const std::string& id : over) try {
                hidden.push_back(hide(id));
                spdlog::info("upload {} has expired", id);
            } catch (const std::exception& error) {
                spdlog::error("upload {} has expired and stays: {}", id, error.what());
            }
    }
    for (const fs::path& one : hidden) {
        std::error_code wrong;
        fs::remove_all(one, wrong);
        if (wrong) spdlog::error("{} stays: {}", one.string(), wrong.message());
    }
}

}  // namespace server::uploads
