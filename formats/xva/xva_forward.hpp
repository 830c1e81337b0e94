// SPDX-License-Identifier: Apache-2.0
#pragma once
// The disks of an XVA that comes as a stream: nothing is kept, so one of them can be read once, forward.
#include <memory>

#include "formats/stream/byte_sink.hpp"
#include "formats/xva/xva_disks.hpp"

namespace formats::xva {

// Extents and bytes must be asked for in rising order; what lies before the last question is gone, and asking
// for it throws std::logic_error. The last chunk of the disk is given out only when the whole stream was read to
// its end and found right.
XvaImage open_xva_forward(std::unique_ptr<ByteSource> from);

}  // namespace formats::xva
