// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>
#include <future>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/endian.hpp"
#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"
#include "formats/base/workers.hpp"
#include "formats/stream/block_index.hpp"
#include "formats/stream/codecs.hpp"
#include "formats/stream/piece_source.hpp"

namespace formats {
namespace {

constexpr int max_window_log = 27;  // what xapi's `zstd --decompress` takes by default

// contrib/seekable_format/zstd_seekable_compression_format.md of zstd: the sizes of all frames in a frame of their own
// at the end, which everybody else skips.
constexpr std::uint32_t skippable_magic = 0x184d2a5e, seekable_magic = 0x8f92eab1;
constexpr std::uint8_t has_checksums = 0x80, reserved_flags = 0x7c;
struct SkippableHeader {
    le32 magic, size;
};
struct SeekEntry {
    le32 packed, size;
};
struct SeekFooter {
    le32 frames;
    std::uint8_t flags;
    le32 magic;
};
static_assert(sizeof(SeekFooter) == 9 && sizeof(SeekEntry) == 8);

void check(std::size_t result) {
    if (ZSTD_isError(result)) throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(result));
}

// One frame, with its size in its header. Level and frame size alone decide the bytes.
std::vector<std::byte> pack_frame(int level, std::span<const std::byte> bytes) {
    thread_local const Handle<ZSTD_CCtx, ZSTD_freeCCtx> context(ZSTD_createCCtx());
    if (!context) throw std::bad_alloc();
    check(ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters));
    check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level));
    check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1));
    std::vector<std::byte> packed(ZSTD_compressBound(bytes.size()));
    const std::size_t size = ZSTD_compress2(context.get(), packed.data(), packed.size(), bytes.data(), bytes.size());
    check(size);
    packed.resize(size);
    return packed;
}

// Frames of equal size packed side by side and written in order, so that they can be unpacked side by side too.
class ZstdSink : public ByteSink {
public:
    ZstdSink(int level, unsigned threads, ByteSink& next)
        : next_(next),
          level_(level),
          frame_size_(level > 15 ? 4 * small_frame : small_frame),
          ring_(threads + 1),
          workers_(threads) {}

    void write(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            Frame& frame = ring_[started_ % ring_.size()];
            if (frame.bytes.empty()) frame.bytes.reserve(frame_size_);
            const auto part = bytes.first(std::min(bytes.size(), frame_size_ - frame.bytes.size()));
            frame.bytes.insert(frame.bytes.end(), part.begin(), part.end());
            bytes = bytes.subspan(part.size());
            if (frame.bytes.size() == frame_size_) start_frame();
        }
    }
    void finish() override {
        if (started_ == 0 || !ring_[started_ % ring_.size()].bytes.empty()) start_frame();
        while (written_ < started_) write_oldest();
        write_table();
        next_.finish();
    }

private:
    struct Frame {
        std::vector<std::byte> bytes;
        std::future<std::vector<std::byte>> packed;
    };

    void start_frame() {
        Frame& frame = ring_[started_ % ring_.size()];
        frame.packed = workers_.run([this, &frame] { return pack_frame(level_, frame.bytes); });
        if (++started_ - written_ == ring_.size()) write_oldest();
    }
    void write_oldest() {
        Frame& frame = ring_[written_++ % ring_.size()];
        const std::vector<std::byte> packed = frame.packed.get();
        next_.write(packed);
        table_.push_back({static_cast<std::uint32_t>(packed.size()), static_cast<std::uint32_t>(frame.bytes.size())});
        frame.bytes.clear();
    }
    void write_table() {
        const auto count = static_cast<std::uint32_t>(table_.size());
        const SeekFooter footer{count, 0, seekable_magic};
        const auto size = static_cast<std::uint32_t>(count * sizeof(SeekEntry) + sizeof footer);
        next_.write(bytes_of(SkippableHeader{skippable_magic, size}));
        next_.write(std::as_bytes(std::span(table_)));
        next_.write(bytes_of(footer));
    }

    static constexpr std::size_t small_frame = std::size_t{8} << 20;
    ByteSink& next_;
    int level_;
    std::size_t frame_size_, started_ = 0, written_ = 0;
    std::vector<SeekEntry> table_;
    std::vector<Frame> ring_;  // at least one is free to be filled
    Workers workers_;
};

class ZstdSource : public ByteSource {
public:
    // `at`: where it begins in the packed file.
    ZstdSource(ByteSource& from, std::uint64_t limit, std::uint64_t at)
        : from_(from), limit_(limit), context_(ZSTD_createDCtx()), buffer_(ZSTD_DStreamInSize()), taken_(at) {
        if (!context_) throw std::bad_alloc();
        check(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, max_window_log));
    }
    std::size_t read(std::span<std::byte> out) override {
        ZSTD_outBuffer target{out.data(), out.size(), 0};
        while (target.pos == 0) {
            if (in_.pos == in_.size) {
                in_ = {buffer_.data(), from_.read(buffer_), 0};
                taken_ += in_.size;
                if (in_.size == 0 && !inside_) return 0;
            }
            const bool at_end = in_.size == 0;  // what is left may still sit in the decoder
            const std::size_t result = ZSTD_decompressStream(context_.get(), &target, &in_);
            if (ZSTD_isError(result))
                throw CorruptImage(std::string("zstd: ") + ZSTD_getErrorName(result) + position());
            inside_ = result != 0;
            if (at_end && target.pos == 0) throw CorruptImage("zstd: the stream is cut short" + position());
        }
        limit_.take(target.pos, "zstd");
        return target.pos;
    }

private:
    std::string position() const {
        return " near byte " + std::to_string(taken_ - (in_.size - in_.pos)) + " of the packed file";
    }

    ByteSource& from_;
    OutputLimit limit_;
    Handle<ZSTD_DCtx, ZSTD_freeDCtx> context_;
    std::vector<std::byte> buffer_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
    std::uint64_t taken_;
    bool inside_ = false;
};

void unpack_frame(std::span<const std::byte> packed, std::span<std::byte> out, std::uint64_t at) {
    thread_local const Handle<ZSTD_DCtx, ZSTD_freeDCtx> context(ZSTD_createDCtx());
    if (!context) throw std::bad_alloc();
    const std::size_t result = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), packed.data(), packed.size());
    const std::string where = " in the frame at byte " + std::to_string(at) + " of the packed file";
    if (ZSTD_isError(result)) throw CorruptImage(std::string("zstd: ") + ZSTD_getErrorName(result) + where);
    if (result != out.size()) throw CorruptImage("zstd: the frame's size contradicts what is said of it" + where);
}

std::optional<PieceCodec::Piece> first_frame(std::span<const std::byte> read) {
    constexpr std::size_t longest_header = 18;
    if (read.empty()) return PieceCodec::Piece{0, 0};
    const std::size_t found = ZSTD_findFrameCompressedSize(read.data(), read.size());
    const bool whole = !ZSTD_isError(found) && found <= read.size();
    if (!whole && read.size() < longest_header) return PieceCodec::Piece{0, 0};
    // Its errors are far larger numbers.
    const unsigned long long size = ZSTD_getFrameContentSize(read.data(), read.size());
    if (size > PieceCodec::max_size) return std::nullopt;
    return PieceCodec::Piece{whole ? found : 0, static_cast<std::size_t>(size)};
}

std::unique_ptr<ByteSource> plain_source(ByteSource& from, std::uint64_t limit, std::uint64_t at) {
    return std::make_unique<ZstdSource>(from, limit, at);
}

constexpr PieceCodec frames{"zstd", first_frame, unpack_frame, plain_source};

}  // namespace

std::unique_ptr<ByteSink> make_zstd_sink(int level, unsigned threads, ByteSink& next) {
    return std::make_unique<ZstdSink>(level, threads, next);
}
std::unique_ptr<ByteSource> make_zstd_source(ByteSource& from, std::uint64_t limit) {
    return std::make_unique<PieceSource>(frames, from, limit);
}

std::unique_ptr<PackedBlocks> index_of_zstd(std::shared_ptr<BlockSource> file, std::uint64_t limit) {
    SeekFooter footer{};
    const std::uint64_t file_size = file->virtual_size();
    if (file_size < sizeof(SkippableHeader) + sizeof footer) return nullptr;
    file->read_at(file_size - sizeof footer, writable_bytes_of(footer));
    if (footer.magic != seekable_magic) return nullptr;
    if ((footer.flags & reserved_flags) != 0) throw CorruptImage("zstd: the seek table has reserved flags set");
    const std::uint64_t count = footer.frames, step = sizeof(SeekEntry) + ((footer.flags & has_checksums) ? 4 : 0);
    const std::uint64_t table = sizeof(SkippableHeader) + count * step + sizeof footer;
    if (count > ListedBlocks::most) return nullptr;
    if (table > file_size)
        throw CorruptImage("zstd: a seek table of " + std::to_string(count) + " frames is larger than the file");
    SkippableHeader header{};
    file->read_at(file_size - table, writable_bytes_of(header));
    if (header.magic != skippable_magic || header.size != table - sizeof header)
        throw CorruptImage("zstd: the seek table's header contradicts its " + std::to_string(count) + " frames");
    std::vector<std::byte> entries(count * step);
    file->read_at(file_size - table + sizeof header, entries);
    auto blocks = std::make_unique<ListedBlocks>(std::move(file), unpack_frame);
    for (std::uint64_t i = 0; i < count; ++i) {
        SeekEntry entry{};
        std::ranges::copy(std::span(entries).subspan(i * step, sizeof entry), writable_bytes_of(entry).begin());
        if (entry.size == 0U) return nullptr;
        blocks->append(entry.size, entry.packed);
    }
    if (blocks->end() != file_size - table)
        throw CorruptImage("zstd: the frames of the seek table have " + std::to_string(blocks->end()) +
                           " bytes, the file " + std::to_string(file_size - table));
    if (blocks->size() > limit)
        throw CorruptImage("zstd: unpacks to more than the limit of " + std::to_string(limit) + " bytes");
    return blocks;
}

}  // namespace formats
