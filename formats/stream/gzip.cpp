// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <future>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/base/endian.hpp"
#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"
#include "formats/stream/block_index.hpp"
#include "formats/stream/codecs.hpp"
#include "formats/stream/piece_source.hpp"

namespace formats {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 18;
constexpr int gzip_window = 15 + 16;  // 16: with the gzip header, which zlib writes without time

constexpr std::size_t member_size = std::size_t{1} << 20;  // bytes of input per member

struct MemberTrailer {
    le32 crc, size;  // of what comes out
};

// What a member begins with that says its size (RFC 1952, 2.3.1.1): a field of ours, so that members are found without
// unpacking those before them. Others pass over it.
struct MemberHeader {
    std::array<unsigned char, 4> magic;  // with the method, deflate, and the one flag, FEXTRA
    le32 time;
    std::array<unsigned char, 2> about;  // XFL, OS
    le16 extra_length;
    std::array<char, 2> id;
    le16 length;
    le32 packed;  // bytes of the whole member

    static constexpr std::array<char, 2> size_id{'X', 'K'};
    bool says_size() const {
        return magic == std::array<unsigned char, 4>{0x1f, 0x8b, 8, 4} && extra_length == 8U && id == size_id &&
               length == 4U && packed >= sizeof(MemberHeader) + sizeof(MemberTrailer);
    }
};
static_assert(sizeof(MemberHeader) == 20);

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
    MemberHeader about{};
    about.id = MemberHeader::size_id;
    about.length = 4;
    gz_header header{};
    header.os = 3;  // Unix
    header.extra = reinterpret_cast<Bytef*>(writable_bytes_of(about).subspan(offsetof(MemberHeader, id)).data());
    header.extra_len = 8;
    deflateSetHeader(&stream, &header);
    std::vector<std::byte> packed(deflateBound(&stream, static_cast<uLong>(bytes.size())));
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib's own type
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("gzip: a member did not fit its bound");
    packed.erase(packed.end() - static_cast<std::ptrdiff_t>(stream.avail_out), packed.end());
    about.packed = static_cast<std::uint32_t>(packed.size());
    std::ranges::copy(bytes_of(about.packed), packed.begin() + offsetof(MemberHeader, packed));
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
    // `at`: where it begins in the packed file; members were before that.
    GzipSource(ByteSource& from, std::uint64_t limit, std::uint64_t at)
        : from_(from), limit_(limit), buffer_(buffer_size), taken_(at), ended_once_(at > 0) {
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
            throw CorruptImage((ended_once_ && !inside_ ? "gzip: garbage after the last member: " : "gzip: ") + why +
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
    std::uint64_t taken_;
    bool inside_ = false, ended_once_;
};

void unpack_member(std::span<const std::byte> packed, std::span<std::byte> out, std::uint64_t at) {
    z_stream stream{};
    if (inflateInit2(&stream, gzip_window) != Z_OK) throw std::bad_alloc();
    const Handle<z_stream, inflateEnd> ending(&stream);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));  // zlib's own type
    stream.avail_in = static_cast<uInt>(packed.size());
    Bytef nowhere = 0;  // for an empty member: zlib wants an address
    stream.next_out = out.empty() ? &nowhere : reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream, Z_FINISH);
    const std::string where = " in the member at byte " + std::to_string(at) + " of the packed file";
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_DATA_ERROR) throw CorruptImage("gzip: " + std::string(stream.msg ? stream.msg : "damaged") + where);
    if (result != Z_STREAM_END || stream.avail_in != 0 || stream.avail_out != 0)
        throw CorruptImage("gzip: the data contradicts the sizes that are said of it" + where);
}

MemberTrailer trailer_of(std::span<const std::byte> member) {
    MemberTrailer trailer{};
    std::ranges::copy(member.last(sizeof trailer), writable_bytes_of(trailer).begin());
    return trailer;
}

std::optional<PieceCodec::Piece> first_member(std::span<const std::byte> read) {
    MemberHeader header{};
    if (read.size() < sizeof header) return PieceCodec::Piece{0, 0};
    std::ranges::copy(read.first(sizeof header), writable_bytes_of(header).begin());
    if (!header.says_size() || header.packed > PieceCodec::max_packed) return std::nullopt;
    if (header.packed > read.size()) return PieceCodec::Piece{0, 0};
    const std::uint32_t size = trailer_of(read.first(header.packed)).size;
    if (size > PieceCodec::max_size) return std::nullopt;
    return PieceCodec::Piece{header.packed, size};
}

std::unique_ptr<ByteSource> plain_source(ByteSource& from, std::uint64_t limit, std::uint64_t at) {
    return std::make_unique<GzipSource>(from, limit, at);
}

constexpr PieceCodec members{"gzip", first_member, unpack_member, plain_source};

}  // namespace

std::unique_ptr<ByteSink> make_gzip_sink(int level, unsigned threads, ByteSink& next) {
    return std::make_unique<GzipSink>(level, threads, next);
}
std::unique_ptr<ByteSource> make_gzip_source(ByteSource& from, std::uint64_t limit) {
    return std::make_unique<PieceSource>(members, from, limit);
}

std::unique_ptr<PackedBlocks> index_of_gzip(std::shared_ptr<BlockSource> file, std::uint64_t limit) {
    const std::uint64_t file_size = file->virtual_size();
    auto blocks = std::make_unique<ListedBlocks>(file, unpack_member);
    struct {
        MemberTrailer before;  // of the member that ends where this header begins
        MemberHeader header;
    } read{};
    static_assert(sizeof read == sizeof(MemberTrailer) + sizeof(MemberHeader));
    std::uint32_t packed = 0;  // of the member before
    for (std::uint64_t place = 0;; place += packed) {
        const bool last = place == file_size;
        const std::uint64_t before = place > 0 ? sizeof read.before : 0;
        auto bytes = writable_bytes_of(read).subspan(sizeof read.before - before);
        bytes = bytes.first(before + (last ? 0 : sizeof read.header));
        if (place + (bytes.size() - before) > file_size || file_size == 0) return nullptr;
        file->read_at(place - before, bytes);
        if (place > 0 && read.before.size == 0U) return nullptr;
        if (place > 0) blocks->append(read.before.size, packed);
        if (blocks->size() > limit)
            throw CorruptImage("gzip: unpacks to more than the limit of " + std::to_string(limit) + " bytes");
        if (last) return blocks;
        if (!read.header.says_size() || blocks->count() == ListedBlocks::most) return nullptr;
        packed = read.header.packed;
        if (packed > file_size - place)
            throw CorruptImage("gzip: the member at byte " + std::to_string(place) + " has " + std::to_string(packed) +
                               " bytes, and the file ends before");
    }
}

}  // namespace formats
