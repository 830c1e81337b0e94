// SPDX-License-Identifier: Apache-2.0
#pragma once
// The members of an XVA one after another, their names, numbers and lengths checked. Inside the room only.
#include <cstdint>
#include <deque>
#include <exception>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "formats/base/workers.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/ova_xml.hpp"
#include "formats/xva/xva_reader.hpp"

namespace formats::xva {

struct Chunk {
    std::size_t disk = 0;                             // from 0
    std::uint64_t offset = 0, place = 0, length = 0;  // on the disk; first byte of the data in the archive; bytes
    std::string name, stated;                         // stated: the content of its checksum member
    std::vector<std::byte> data;
};

class Archive {
public:
    // Reads the description. Without data, chunks and checksums are passed over: name, stated, data stay empty.
    Archive(ByteSource& from, bool with_data);
    const OvaContent& content() const { return content_; }

    // The next chunk that has bytes; its memory is used again. The checksum is not verified: verify_chunk() does.
    // False behind the last one, when what follows was found to be the end of the archive.
    bool next(Chunk& chunk);
    const XvaReport& report() const { return report_; }  // complete when next() has returned false

private:
    std::optional<tar::Member> next_member();
    void read_description();
    void end_disk();
    bool read_chunk(const DiskRecord& disk, Chunk& chunk);
    void read_checksum(Chunk& chunk, const std::string& name);

    tar::Reader tar_;
    bool with_data_;
    OvaContent content_;
    XvaReport report_;
    std::size_t disk_ = 0;
    std::uint64_t unit_ = 0, size_ = 0, position_ = 0;
    std::int64_t last_ = -1;
    std::set<std::string> kinds_;
};

// Chunks in order, each verified; several checksums are computed ahead, on threads of their own.
class VerifiedChunks {
public:
    explicit VerifiedChunks(ByteSource& from) : from_(from), archive_(from, true) {}
    const Archive& archive() const { return archive_; }

    // Valid until the next call; nothing behind the last one. Before the last one is given out, the stream
    // was read to its end, so that a packed stream's own check is verified as well.
    const Chunk* next();
    std::uint64_t bytes_behind() const { return behind_; }  // of zeroes, behind the end blocks

private:
    struct Pending {
        Chunk chunk;
        std::future<void> verified;
    };
    void read_ahead();
    void read_rest();

    ByteSource& from_;
    Archive archive_;
    bool ended_ = false;
    std::uint64_t behind_ = 0;
    std::exception_ptr failure_;  // of reading; thrown when the chunks before it have been given out
    Chunk current_;
    std::deque<Pending> pending_;
    Workers workers_{0};
};

}  // namespace formats::xva
