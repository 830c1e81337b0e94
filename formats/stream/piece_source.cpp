// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/piece_source.hpp"

#include <algorithm>
#include <utility>

namespace formats {
namespace {

constexpr std::size_t step = std::size_t{1} << 20;

}  // namespace

std::size_t PieceSource::read(std::span<std::byte> out) {
    if (out.empty()) return 0;
    while (taken_ == current_.size()) {
        if (plain_) return plain_->read(out);
        while (!last_ && running_.size() < Workers::processors() + 1) start_piece();
        if (running_.empty()) {
            if (waiting().empty()) return 0;
            plain_ = codec_.plain(rest_, left_.left(), position_);
            continue;
        }
        current_ = running_.front().get();
        running_.pop_front();
        taken_ = 0;
        left_.take(current_.size(), codec_.name);
    }
    const std::size_t count = std::min(out.size(), current_.size() - taken_);
    std::copy_n(current_.begin() + static_cast<std::ptrdiff_t>(taken_), count, out.begin());
    taken_ += count;
    return count;
}

std::size_t PieceSource::Rest::read(std::span<std::byte> out) {
    const std::span<const std::byte> there = pieces_.waiting();
    if (there.empty()) return pieces_.from_.read(out);
    const std::size_t count = std::min(out.size(), there.size());
    std::ranges::copy(there.first(count), out.begin());
    pieces_.first_ += count;
    return count;
}

// False at the end of the stream.
bool PieceSource::fetch() {
    packed_.erase(packed_.begin(), packed_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_, 0)));
    const std::size_t before = packed_.size();
    packed_.resize(before + step);
    const std::size_t got = read_full(from_, std::span(packed_).subspan(before));
    packed_.resize(before + got);
    return got > 0;
}

void PieceSource::start_piece() {
    std::optional<PieceCodec::Piece> piece = codec_.first(waiting());
    while (piece && piece->packed == 0 && waiting().size() < PieceCodec::max_packed && fetch())
        piece = codec_.first(waiting());
    if (!piece || piece->packed == 0) {
        last_ = true;
        return;
    }
    const auto packed = waiting().first(piece->packed);
    running_.push_back(workers_.run([unpack = codec_.unpack, packed = std::vector(packed.begin(), packed.end()),
                                     size = piece->size, at = position_] {
        std::vector<std::byte> bytes(size);
        unpack(packed, bytes, at);
        return bytes;
    }));
    first_ += piece->packed;
    position_ += piece->packed;
}

}  // namespace formats
