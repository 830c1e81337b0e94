// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <limits>
#include <new>
#include <string>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/stream/codecs.hpp"

namespace formats {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 18;
constexpr int gzip_window = 15 + 16;  // 16: with the gzip header, which zlib writes without time

class GzipSink : public ByteSink {
public:
    GzipSink(int level, ByteSink& next) : next_(next), buffer_(buffer_size) {
        if (deflateInit2(&stream_, level, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc();
    }
    GzipSink(const GzipSink&) = delete;
    ~GzipSink() override { deflateEnd(&stream_); }

    void write(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const auto part = bytes.first(std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max() / 2));
            encode(part, Z_NO_FLUSH);
            bytes = bytes.subspan(part.size());
        }
    }
    void finish() override {
        encode({}, Z_FINISH);
        next_.finish();
    }

private:
    void encode(std::span<const std::byte> bytes, int flush) {
        stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib's own type
        stream_.avail_in = static_cast<uInt>(bytes.size());
        int result = Z_OK;
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
            stream_.avail_out = static_cast<uInt>(buffer_.size());
            result = deflate(&stream_, flush);
            next_.write(std::span(buffer_).first(buffer_.size() - stream_.avail_out));
        } while (stream_.avail_out == 0 || (flush == Z_FINISH && result == Z_OK));
    }

    ByteSink& next_;
    std::vector<std::byte> buffer_;
    z_stream stream_{};
};

class GzipSource : public ByteSource {
public:
    GzipSource(ByteSource& from, std::uint64_t limit) : from_(from), limit_(limit), buffer_(buffer_size) {
        if (inflateInit2(&stream_, gzip_window) != Z_OK) throw std::bad_alloc();
    }
    GzipSource(const GzipSource&) = delete;
    ~GzipSource() override { inflateEnd(&stream_); }

    std::size_t read(std::span<std::byte> out) override {
        out = out.first(std::min<std::size_t>(out.size(), std::size_t{1} << 30));
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        while (stream_.avail_out == out.size()) {
            if (stream_.avail_in == 0 && !fill()) {
                if (inside_) throw CorruptImage("gzip: the stream is cut short" + position());
                return 0;
            }
            step(inflate(&stream_, Z_NO_FLUSH));
        }
        const std::size_t count = out.size() - stream_.avail_out;
        limit_.take(count, "gzip");
        return count;
    }

private:
    bool fill() {
        const std::size_t got = from_.read(buffer_);
        taken_ += got;
        stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
        stream_.avail_in = static_cast<uInt>(got);
        return got != 0;
    }
    void step(int result) {
        if (result == Z_STREAM_END) {
            inside_ = false;
            ended_once_ = true;
            inflateReset(&stream_);  // another member may follow
        } else if (result == Z_OK || result == Z_BUF_ERROR) {
            inside_ = true;
        } else if (result == Z_MEM_ERROR) {
            throw std::bad_alloc();
        } else {
            const std::string why = stream_.msg ? stream_.msg : "data is corrupt";
            throw CorruptImage((ended_once_ && !inside_ ? "gzip: garbage behind the last member: " : "gzip: ") + why +
                               position());
        }
    }
    std::string position() const {
        return " near byte " + std::to_string(taken_ - stream_.avail_in) + " of the packed file";
    }

    ByteSource& from_;
    OutputLimit limit_;
    std::vector<std::byte> buffer_;
    z_stream stream_{};
    std::uint64_t taken_ = 0;
    bool inside_ = false, ended_once_ = false;
};

}  // namespace

std::unique_ptr<ByteSink> make_gzip_sink(int level, ByteSink& next) {
    return std::make_unique<GzipSink>(level, next);
}
std::unique_ptr<ByteSource> make_gzip_source(ByteSource& from, std::uint64_t limit) {
    return std::make_unique<GzipSource>(from, limit);
}

}  // namespace formats
