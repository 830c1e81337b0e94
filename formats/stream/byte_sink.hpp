// SPDX-License-Identifier: Apache-2.0
#pragma once
// The byte plane. A ByteSink takes bytes in order, once. Sinks are wired as local variables, each
// holding a reference to the next; none owns what lies downstream.
#include <cstddef>
#include <span>

namespace formats {

class ByteSink {
public:
    virtual ~ByteSink() = default;

    // Takes all of `bytes`, or throws. May block while the other side is slow.
    virtual void write(std::span<const std::byte> bytes) = 0;

    // Exactly once, on success: flushes, and finishes the next sink. Destructors never flush, so
    // a sink that is thrown through leaves nothing that looks complete.
    virtual void finish() = 0;
};

// Where bytes come from, in order, once.
class ByteSource {
public:
    virtual ~ByteSource() = default;

    // Reads up to out.size() bytes, at least one unless the end is reached; 0 means the end.
    virtual std::size_t read(std::span<std::byte> out) = 0;
};

}  // namespace formats
