// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>
#include <deque>
#include <future>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"
#include "formats/base/workers.hpp"
#include "formats/stream/codecs.hpp"

namespace formats {
namespace {

constexpr int max_window_log = 27;  // what xapi's `zstd --decompress` takes by default

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
        next_.write(frame.packed.get());
        frame.bytes.clear();
    }

    static constexpr std::size_t small_frame = std::size_t{8} << 20;
    ByteSink& next_;
    int level_;
    std::size_t frame_size_, started_ = 0, written_ = 0;
    std::vector<Frame> ring_;  // at least one is free to be filled
    Workers workers_;
};

class ZstdSource : public ByteSource {
public:
    ZstdSource(ByteSource& from, std::uint64_t limit)
        : from_(from), limit_(limit), context_(ZSTD_createDCtx()), buffer_(ZSTD_DStreamInSize()) {
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
    std::uint64_t taken_ = 0;
    bool inside_ = false;
};

std::vector<std::byte> unpack_frame(std::span<const std::byte> packed, std::size_t size, std::uint64_t at) {
    thread_local const Handle<ZSTD_DCtx, ZSTD_freeDCtx> context(ZSTD_createDCtx());
    if (!context) throw std::bad_alloc();
    std::vector<std::byte> bytes(size);
    const std::size_t result =
        ZSTD_decompressDCtx(context.get(), bytes.data(), bytes.size(), packed.data(), packed.size());
    const std::string where = " in the frame at byte " + std::to_string(at) + " of the packed file";
    if (ZSTD_isError(result)) throw CorruptImage(std::string("zstd: ") + ZSTD_getErrorName(result) + where);
    if (result != size) throw CorruptImage("zstd: the frame's size contradicts its header" + where);
    return bytes;
}

// Frames of moderate size that state it are unpacked side by side; from the first other one on, all goes through
// the plain decoder.
class ZstdFrames : public ByteSource {
public:
    ZstdFrames(ByteSource& from, std::uint64_t limit) : from_(from), left_(limit) {}

    std::size_t read(std::span<std::byte> out) override {
        if (out.empty()) return 0;
        while (taken_ == current_.size()) {
            if (plain_) return plain_->read(out);
            while (!last_ && running_.size() < Workers::processors() + 1) start_frame();
            if (running_.empty()) {
                if (waiting().empty()) return 0;
                plain_ = std::make_unique<ZstdSource>(rest_, left_.left());
                continue;
            }
            current_ = running_.front().get();
            running_.pop_front();
            taken_ = 0;
            left_.take(current_.size(), "zstd");
        }
        const std::size_t count = std::min(out.size(), current_.size() - taken_);
        std::copy_n(current_.begin() + static_cast<std::ptrdiff_t>(taken_), count, out.begin());
        taken_ += count;
        return count;
    }

private:
    // What was read of frames that were not started, then the rest of the stream.
    struct Rest : ByteSource {
        explicit Rest(ZstdFrames& frames) : frames_(frames) {}
        std::size_t read(std::span<std::byte> out) override {
            const std::span<const std::byte> there = frames_.waiting();
            if (there.empty()) return frames_.from_.read(out);
            const std::size_t count = std::min(out.size(), there.size());
            std::ranges::copy(there.first(count), out.begin());
            frames_.first_ += count;
            return count;
        }
        ZstdFrames& frames_;
    };
    std::span<const std::byte> waiting() const { return std::span(packed_).subspan(first_); }

    // Bytes of the frame at the front; 0 for one that is not whole yet.
    std::size_t whole_frame() const {
        if (waiting().empty()) return 0;
        const std::size_t size = ZSTD_findFrameCompressedSize(waiting().data(), waiting().size());
        return ZSTD_isError(size) || size > waiting().size() ? 0 : size;
    }
    // Does it state its size, and is that one to be held? The errors of zstd are far larger numbers.
    bool moderate() const { return ZSTD_getFrameContentSize(waiting().data(), waiting().size()) <= max_content; }

    // False at the end of the stream.
    bool fetch() {
        packed_.erase(packed_.begin(), packed_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_, 0)));
        const std::size_t before = packed_.size();
        packed_.resize(before + step);
        const std::size_t got = read_full(from_, std::span(packed_).subspan(before));
        packed_.resize(before + got);
        return got > 0;
    }

    void start_frame() {
        std::size_t size = whole_frame();
        while (size == 0 && waiting().size() < max_packed && (waiting().size() < longest_header || moderate()) &&
               fetch())
            size = whole_frame();
        if (size == 0 || !moderate()) {
            last_ = true;
            return;
        }
        const auto frame = waiting().first(size);
        running_.push_back(workers_.run([packed = std::vector(frame.begin(), frame.end()), at = position_] {
            const unsigned long long content = ZSTD_getFrameContentSize(packed.data(), packed.size());
            return unpack_frame(packed, static_cast<std::size_t>(content), at);
        }));
        first_ += size;
        position_ += size;
    }

    static constexpr std::size_t step = std::size_t{1} << 20, max_packed = std::size_t{9} << 20, longest_header = 18;
    static constexpr unsigned long long max_content = 8 << 20;
    ByteSource& from_;
    OutputLimit left_;
    std::vector<std::byte> packed_, current_;
    std::size_t first_ = 0, taken_ = 0;  // of packed_; of current_
    std::uint64_t position_ = 0;
    bool last_ = false;  // no more frames are started
    std::unique_ptr<ByteSource> plain_;
    Rest rest_{*this};
    std::deque<std::future<std::vector<std::byte>>> running_;
    Workers workers_{0};
};

}  // namespace

std::unique_ptr<ByteSink> make_zstd_sink(int level, unsigned threads, ByteSink& next) {
    return std::make_unique<ZstdSink>(level, threads, next);
}
std::unique_ptr<ByteSource> make_zstd_source(ByteSource& from, std::uint64_t limit) {
    return std::make_unique<ZstdFrames>(from, limit);
}

}  // namespace formats
