// SPDX-License-Identifier: Apache-2.0
#pragma once
// Unpacks a stream whose pieces (gzip members, zstd frames) say how large they are, several of them side by side; from
// the first piece on that does not, or that is too large to hold, all goes through the codec's plain decoder.
// Inside the room only.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "formats/base/workers.hpp"
#include "formats/stream/byte_sink.hpp"
#include "formats/stream/codecs.hpp"

namespace formats {

struct PieceCodec {
    static constexpr std::size_t max_packed = std::size_t{9} << 20, max_size = std::size_t{8} << 20;

    struct Piece {
        std::size_t packed;  // 0: it is not whole yet, or more is needed to tell
        std::size_t size;    // of what comes out
    };
    const char* name;
    // The piece at the front of what was read; none for one that is not taken alone.
    std::optional<Piece> (*first)(std::span<const std::byte> read);
    // `at`: where it stands in the packed file, for errors. Throws CorruptImage, also when it is not exactly
    // out.size().
    void (*unpack)(std::span<const std::byte> packed, std::span<std::byte> out, std::uint64_t at);
    std::unique_ptr<ByteSource> (*plain)(ByteSource& from, std::uint64_t limit, std::uint64_t at);
};

class PieceSource : public ByteSource {
public:
    PieceSource(const PieceCodec& codec, ByteSource& from, std::uint64_t limit)
        : codec_(codec), from_(from), left_(limit) {}
    std::size_t read(std::span<std::byte> out) override;

private:
    // What was read of pieces that were not started, then the rest of the stream.
    struct Rest : ByteSource {
        explicit Rest(PieceSource& pieces) : pieces_(pieces) {}
        std::size_t read(std::span<std::byte> out) override;
        PieceSource& pieces_;
    };
    std::span<const std::byte> waiting() const { return std::span(packed_).subspan(first_); }
    bool fetch();
    void start_piece();

    const PieceCodec& codec_;
    ByteSource& from_;
    OutputLimit left_;
    std::vector<std::byte> packed_, current_;
    std::size_t first_ = 0, taken_ = 0;  // of packed_; of current_
    std::uint64_t position_ = 0;
    bool last_ = false;  // no more pieces are started
    std::unique_ptr<ByteSource> plain_;
    Rest rest_{*this};
    std::deque<std::future<std::vector<std::byte>>> running_;
    Workers workers_{0};
};

}  // namespace formats
