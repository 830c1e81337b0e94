// SPDX-License-Identifier: Apache-2.0
#pragma once
// The uploads of this machine, each in a folder of its own (0700) that holds its bytes and its state:
//
//   <id>/data         the bytes, 0600; as long as what came
//   <id>/upload.json  name, size, created, metadata; written once
//   <id>/mark         one line, rewritten in place: how many of the bytes are on the disk for certain, whether the
//                     bytes behind them wait for a checksum, when it was last used, the machine's boot id
//
// Files beside the bytes instead of rows of the catalog: state and bytes appear and go in one rename, there is no
// second place that could contradict the file's size, and a chunk costs no transaction that others wait for.
//
// `received` is only ever what has been synced: it grows after fsync of the data, never before, and so does what
// HEAD and the answer to a chunk tell. After kill -9 the bytes behind the mark are still in the kernel's hands:
// the same boot id means that the file's real size counts, once it is synced. After a power cut (another boot id) a
// file may be as long as it should be and hold zeroes: then the mark counts, and at most 64 MiB are sent again. Bytes
// that waited for a checksum when their connection or the service broke are taken back: nobody can vouch for them.
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "formats/base/file.hpp"
#include "server/uploads/tus.hpp"
#include "server/uploads/uploads.hpp"

namespace server::uploads {

class UploadRefused : public std::runtime_error {
public:
    enum class Reason { unknown, expired, busy, other_offset, too_large, too_many, no_space };
    UploadRefused(Reason reason, const std::string& what) : std::runtime_error(what), reason(reason) {}
    Reason reason;
};

struct Limits {
    std::uint64_t bytes = 0;           // of one upload
    std::uint64_t count = 0;           // uploads at once
    std::uint64_t seconds = 0;         // kept since the last byte or use
    std::uint64_t reserved_bytes = 0;  // left free on the file system
};

// What a test replaces.
struct Surroundings {
    std::function<std::int64_t()> now;
    std::function<std::uint64_t()> free_bytes;
};

class UploadFolder;

// The one writer of an upload, until it is destroyed. Not thread-safe.
class UploadWriter {
public:
    UploadWriter(UploadFolder& folder, const Upload& upload, const std::optional<Checksum>& checksum);
    UploadWriter(const UploadWriter&) = delete;
    ~UploadWriter();  // finish(false) when there was no finish()

    // Throws UploadRefused when they are more than the upload's size, std::system_error when the disk refuses them.
    void write(std::span<const std::byte> bytes);
    // The bytes are on the disk and count. With a checksum only when all of them came (`whole`) and have that
    // digest; otherwise they are taken back. False: the digest was another. Once.
    bool finish(bool whole);

private:
    void sync();

    UploadFolder& folder_;
    const Upload upload_;  // as it was at the begin
    const std::optional<Checksum> checksum_;
    std::optional<formats::Digest> digest_;
    formats::File data_;
    std::uint64_t at_, synced_;
    bool finished_ = false;
};

class UploadFolder : public Uploads {
public:
    // Takes up what an earlier life left, and sweeps from time to time until it is destroyed.
    UploadFolder(std::filesystem::path folder, const Limits& limits, Surroundings surroundings = {});

    std::optional<Upload> find(const std::string& id) override;
    // As find(), but being looked at is no use. Throws UploadRefused: unknown, expired.
    Upload read(const std::string& id);
    std::vector<Upload> list();         // newest first
    bool known(const std::string& id);  // expired or not

    // Space and limits are checked here, before the first byte; the bytes that other uploads still wait for count as
    // used. `name` is cleaned. Throws UploadRefused: too_large, too_many, no_space.
    Upload create(const std::string& name, std::uint64_t size, const std::string& metadata = {});
    // Throws UploadRefused: unknown, expired, busy, other_offset.
    std::unique_ptr<UploadWriter> write(const std::string& id, std::uint64_t offset,
                                        const std::optional<Checksum>& checksum = std::nullopt);
    void remove(const std::string& id);  // throws UploadRefused: unknown, busy
    void sweep();                        // what has expired and is not being written

    const Limits& limits() const { return limits_; }

private:
    friend class UploadWriter;
    struct Entry {
        Upload upload;
        std::int64_t used = 0;  // seconds since 1970
        bool busy = false;      // has a writer
    };

    void take_up(const std::filesystem::path& folder);
    Upload told(const Entry& entry) const;
    bool expired(const Entry& entry) const;
    Entry& existing(const std::string& id);
    void check_room(std::uint64_t size);
    // REQUIRES: the lock is held, it is in entries_ and not busy. Returns where it waits for its deletion.
    std::filesystem::path hide(const std::string& id);
    // So many bytes are on the disk. `checked`: more may come that wait for a checksum. `over`: no writer any more.
    void mark(const std::string& id, std::uint64_t received, bool checked, bool over);
    void write_mark(const Entry& entry, bool checked) const;

    const std::filesystem::path folder_;
    const Limits limits_;
    Surroundings around_;
    const std::string boot_;
    std::mutex mutex_;
    std::map<std::string, Entry> entries_;
    std::condition_variable_any stopping_;
    std::jthread sweeper_;  // last: it uses the others
};

}  // namespace server::uploads
