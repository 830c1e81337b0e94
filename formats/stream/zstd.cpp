// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"
#include "formats/stream/codecs.hpp"

namespace formats {
namespace {

constexpr int max_window_log = 27;  // what xapi's `zstd --decompress` takes by default

void check(std::size_t result) {
    if (ZSTD_isError(result)) throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(result));
}

class ZstdSink : public ByteSink {
public:
    ZstdSink(int level, unsigned threads, ByteSink& next)
        : next_(next), context_(ZSTD_createCCtx()), buffer_(ZSTD_CStreamOutSize()) {
        if (!context_) throw std::bad_alloc();
        check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
        check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
        // At least one worker, always: the bytes differ between none and some, not among some.
        check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers, static_cast<int>(std::max(1U, threads))));
    }
    void write(std::span<const std::byte> bytes) override { encode(bytes, ZSTD_e_continue); }
    void finish() override {
        encode({}, ZSTD_e_end);
        next_.finish();
    }

private:
    void encode(std::span<const std::byte> bytes, ZSTD_EndDirective mode) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        std::size_t left = 0;
        do {
            ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
            left = ZSTD_compressStream2(context_.get(), &out, &in, mode);
            check(left);
            next_.write(std::span(buffer_).first(out.pos));
        } while (mode == ZSTD_e_end ? left != 0 : in.pos != in.size);
    }

    ByteSink& next_;
    Handle<ZSTD_CCtx, ZSTD_freeCCtx> context_;
    std::vector<std::byte> buffer_;
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

}  // namespace

std::unique_ptr<ByteSink> make_zstd_sink(int level, unsigned threads, ByteSink& next) {
    return std::make_unique<ZstdSink>(level, threads, next);
}
std::unique_ptr<ByteSource> make_zstd_source(ByteSource& from, std::uint64_t limit) {
    return std::make_unique<ZstdSource>(from, limit);
}

}  // namespace formats
