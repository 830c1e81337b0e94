// SPDX-License-Identifier: Apache-2.0
#include <lzma.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/stream/codecs.hpp"

namespace formats {
namespace {

constexpr std::uint64_t block_size = std::uint64_t{16} << 20;
constexpr std::size_t buffer_size = std::size_t{1} << 18;
constexpr std::uint64_t decoder_memory = std::uint64_t{512} << 20;

class XzSink : public ByteSink {
public:
    XzSink(int level, unsigned threads, ByteSink& next) : next_(next), buffer_(buffer_size) {
        lzma_mt options{};
        options.threads = threads;
        options.block_size = block_size;
        options.preset = static_cast<std::uint32_t>(level);
        options.check = LZMA_CHECK_CRC64;
        if (lzma_stream_encoder_mt(&stream_, &options) != LZMA_OK) throw std::bad_alloc();
    }
    XzSink(const XzSink&) = delete;
    ~XzSink() override { lzma_end(&stream_); }

    void write(std::span<const std::byte> bytes) override { encode(bytes, LZMA_RUN); }
    void finish() override {
        encode({}, LZMA_FINISH);
        next_.finish();
    }

private:
    void encode(std::span<const std::byte> bytes, lzma_action action) {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        stream_.avail_in = bytes.size();
        for (;;) {
            stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer_.data());
            stream_.avail_out = buffer_.size();
            const lzma_ret result = lzma_code(&stream_, action);
            next_.write(std::span(buffer_).first(buffer_.size() - stream_.avail_out));
            if (result == LZMA_STREAM_END) return;
            if (result == LZMA_MEM_ERROR) throw std::bad_alloc();
            if (result != LZMA_OK) throw std::runtime_error("xz: encoder error " + std::to_string(result));
            if (action == LZMA_RUN && stream_.avail_in == 0) return;
        }
    }

    ByteSink& next_;
    std::vector<std::byte> buffer_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
};

class XzSource : public ByteSource {
public:
    XzSource(ByteSource& from, std::uint64_t limit) : from_(from), limit_(limit), buffer_(buffer_size) {
        lzma_mt options{};
        options.threads = std::max(1U, std::thread::hardware_concurrency());
        options.flags = LZMA_CONCATENATED;
        options.memlimit_threading = decoder_memory;
        options.memlimit_stop = decoder_memory;
        if (lzma_stream_decoder_mt(&stream_, &options) != LZMA_OK) throw std::bad_alloc();
    }
    XzSource(const XzSource&) = delete;
    ~XzSource() override { lzma_end(&stream_); }

    std::size_t read(std::span<std::byte> out) override {
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
        stream_.avail_out = out.size();
        while (stream_.avail_out == out.size() && !ended_) {
            if (stream_.avail_in == 0 && !input_ended_) {
                stream_.avail_in = from_.read(buffer_);
                stream_.next_in = reinterpret_cast<const std::uint8_t*>(buffer_.data());
                input_ended_ = stream_.avail_in == 0;
            }
            step(lzma_code(&stream_, input_ended_ ? LZMA_FINISH : LZMA_RUN));
        }
        const std::size_t count = out.size() - stream_.avail_out;
        limit_.take(count, "xz");
        return count;
    }

private:
    void step(lzma_ret result) {
        switch (result) {
            case LZMA_OK:
                return;
            case LZMA_STREAM_END:
                ended_ = true;
                return;
            case LZMA_FORMAT_ERROR:
                throw CorruptImage("xz: not an xz stream");
            case LZMA_OPTIONS_ERROR:
                throw CorruptImage("xz: unsupported options in a header");
            case LZMA_DATA_ERROR:
                throw CorruptImage("xz: data is corrupt" + position());
            case LZMA_BUF_ERROR:
                throw CorruptImage("xz: the stream is cut short" + position());
            case LZMA_MEMLIMIT_ERROR:
                throw RefusedImage("xz: unpacking would take more than " + std::to_string(decoder_memory >> 20) +
                                   " MiB of memory");
            default:
                throw std::bad_alloc();
        }
    }
    std::string position() const { return " near byte " + std::to_string(stream_.total_in) + " of the packed file"; }

    ByteSource& from_;
    OutputLimit limit_;
    std::vector<std::byte> buffer_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool input_ended_ = false, ended_ = false;
};

}  // namespace

void OutputLimit::take(std::uint64_t bytes, const char* codec) {
    if (bytes > left_)
        throw CorruptImage(std::string(codec) + ": unpacks to more than the limit of " + std::to_string(limit_) +
                           " bytes");
    left_ -= bytes;
}

std::unique_ptr<ByteSink> make_xz_sink(int level, unsigned threads, ByteSink& next) {
    return std::make_unique<XzSink>(level, threads, next);
}
std::unique_ptr<ByteSource> make_xz_source(ByteSource& from, std::uint64_t limit) {
    return std::make_unique<XzSource>(from, limit);
}

}  // namespace formats
