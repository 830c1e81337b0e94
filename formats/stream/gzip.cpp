// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <deque>
#include <future>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/stream/codecs.hpp"

namespace formats {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 18;
constexpr int gzip_window = 15 + 16;  // 16: with the gzip header, which zlib writes without time

constexpr std::size_t member_size = std::size_t{1} << 20;  // bytes of input per member

struct Deflater {
    explicit Deflater(int level) {
        if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc();
    }
    Deflater(const Deflater&) = delete;
    ~Deflater() { deflateEnd(&stream); }
    z_stream stream{};
};

std::vector<std::byte> pack_member(int level, const std::vector<std::byte>& bytes) {
    Deflater deflater(level);
    z_stream& stream = deflater.stream;
    std::vector<std::byte> packed(deflateBound(&stream, static_cast<uLong>(bytes.size())));
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib's own type
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("gzip: a member did not fit its bound");
    packed.erase(packed.end() - static_cast<std::ptrdiff_t>(stream.avail_out), packed.end());
    return packed;
}

// Members of 1 MiB, packed side by side and written in order: the bytes do not depend on the threads.
class GzipSink : public ByteSink {
public:
    GzipSink(int level, unsigned threads, ByteSink& next) : next_(next), level_(level), threads_(threads) {
        member_.reserve(member_size);
    }

    void write(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const auto part = bytes.first(std::min(bytes.size(), member_size - member_.size()));
            member_.insert(member_.end(), part.begin(), part.end());
            bytes = bytes.subspan(part.size());
            if (member_.size() == member_size) start_member();
        }
    }
    void finish() override {
        if (!member_.empty() || !any_) start_member();  // nothing at all is one empty member
        while (!running_.empty()) take_member();
        next_.finish();
    }

private:
    void start_member() {
        if (running_.size() == threads_) take_member();
        running_.push_back(std::async(
            std::launch::async, [level = level_, bytes = std::move(member_)] { return pack_member(level, bytes); }));
        member_.clear();
        member_.reserve(member_size);
        any_ = true;
    }
    void take_member() {
        next_.write(running_.front().get());
        running_.pop_front();
    }

    ByteSink& next_;
    int level_;
    std::size_t threads_;
    std::vector<std::byte> member_;
    std::deque<std::future<std::vector<std::byte>>> running_;
    bool any_ = false;
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

std::unique_ptr<ByteSink> make_gzip_sink(int level, unsigned threads, ByteSink& next) {
    return std::make_unique<GzipSink>(level, threads, next);
}
std::unique_ptr<ByteSource> make_gzip_source(ByteSource& from, std::uint64_t limit) {
    return std::make_unique<GzipSource>(from, limit);
}

}  // namespace formats
