// SPDX-License-Identifier: Apache-2.0
#include "formats/qcow2/cluster_codec.hpp"

#include <zlib.h>
#include <zstd.h>

#include <new>
#include <stdexcept>
#include <string>

#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"

namespace formats::qcow2 {
namespace {

constexpr int raw_window_4k = -12;
constexpr int max_window_log = 22;  // no frame of one cluster (2 MiB at most) needs more

// Contexts cost more to make than a cluster to unpack: one per thread and direction.
struct Inflater {
    Inflater() {
        if (inflateInit2(&stream, raw_window_4k) != Z_OK) throw std::bad_alloc();
    }
    Inflater(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&stream); }
    z_stream stream{};
};

void unpack_zlib(std::span<const std::byte> packed, std::span<std::byte> cluster) {
    thread_local Inflater inflater;
    z_stream& stream = inflater.stream;
    inflateReset(&stream);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));  // zlib's own type
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(cluster.data());
    stream.avail_out = static_cast<uInt>(cluster.size());
    const int result = inflate(&stream, Z_FINISH);
    if (stream.avail_out != 0 || (result != Z_STREAM_END && result != Z_OK && result != Z_BUF_ERROR))
        throw CorruptImage("qcow2: a compressed cluster (deflate) gives " +
                           std::to_string(cluster.size() - stream.avail_out) + " bytes instead of " +
                           std::to_string(cluster.size()) + (stream.msg ? std::string(": ") + stream.msg : ""));
}

void unpack_zstd(std::span<const std::byte> packed, std::span<std::byte> cluster) {
    thread_local const Handle<ZSTD_DCtx, ZSTD_freeDCtx> context(ZSTD_createDCtx());
    if (!context) throw std::bad_alloc();
    ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, max_window_log);
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer out{cluster.data(), cluster.size(), 0};
    while (out.pos < out.size) {
        const std::size_t before = out.pos, taken = in.pos;
        const std::size_t result = ZSTD_decompressStream(context.get(), &out, &in);
        const bool stuck = out.pos == before && in.pos == taken;
        if (ZSTD_isError(result) || (result == 0 && out.pos < out.size) || stuck)
            throw CorruptImage("qcow2: a compressed cluster (zstd) gives " + std::to_string(out.pos) +
                               " bytes instead of " + std::to_string(out.size) +
                               (ZSTD_isError(result) ? std::string(": ") + ZSTD_getErrorName(result) : ""));
    }
}

}  // namespace

void unpack_cluster(bool zstd, std::span<const std::byte> packed, std::span<std::byte> cluster) {
    zstd ? unpack_zstd(packed, cluster) : unpack_zlib(packed, cluster);
}

std::vector<std::byte> pack_cluster(bool zstd, int level, std::span<const std::byte> cluster) {
    std::vector<std::byte> packed(cluster.size() - 1);
    if (zstd) {
        const Handle<ZSTD_CCtx, ZSTD_freeCCtx> context(ZSTD_createCCtx());
        if (!context) throw std::bad_alloc();
        const std::size_t size =
            ZSTD_compressCCtx(context.get(), packed.data(), packed.size(), cluster.data(), cluster.size(), level);
        if (ZSTD_isError(size)) return {};  // does not fit
        packed.resize(size);
        return packed;
    }
    z_stream stream{};
    if (deflateInit2(&stream, level, Z_DEFLATED, raw_window_4k, 9, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(cluster.data()));
    stream.avail_in = static_cast<uInt>(cluster.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const int result = deflate(&stream, Z_FINISH);
    packed.resize(packed.size() - stream.avail_out);
    deflateEnd(&stream);
    if (result != Z_STREAM_END) return {};
    return packed;
}

}  // namespace formats::qcow2
