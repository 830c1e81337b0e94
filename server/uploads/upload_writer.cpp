// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include "server/uploads/upload_folder.hpp"
#include "server/uploads/upload_state.hpp"

namespace server::uploads {

namespace {
constexpr std::uint64_t sync_every = 64 << 20;  // what a power cut may cost, and what waits for the disk at an end
}

UploadWriter::UploadWriter(UploadFolder& folder, const Upload& upload, const std::optional<Checksum>& checksum)
    : folder_(folder),
      upload_(upload),
      checksum_(checksum),
      data_(open_write(upload.file)),
      at_(upload.received),
      synced_(upload.received) {
    if (!checksum_) return;
    digest_.emplace(checksum_->kind);
    folder_.mark(upload_.id, at_, true, false);
}

UploadWriter::~UploadWriter() {
    if (finished_) return;
    try {
        finish(false);
    } catch (const std::exception& error) {
        spdlog::error("upload {}: {}", upload_.id, error.what());
    }
}

void UploadWriter::write(std::span<const std::byte> bytes) {
    if (bytes.size() > upload_.size - at_)
        throw UploadRefused(UploadRefused::Reason::too_large,
                            "upload " + upload_.id + " has " + std::to_string(upload_.size) + " bytes; " +
                                std::to_string(bytes.size()) + " more came after the first " + std::to_string(at_));
    data_.write_at(at_, bytes);
    at_ += bytes.size();
    if (digest_)
        digest_->update(bytes);
    else if (at_ - synced_ >= sync_every)
        sync();
}

void UploadWriter::sync() {
    data_.sync();
    synced_ = at_;
    folder_.mark(upload_.id, synced_, false, false);
}

bool UploadWriter::finish(bool whole) {
    finished_ = true;
    bool equal = true, keep = true;
    if (digest_) {
        const std::vector<std::byte> found = digest_->finish();
        equal = std::ranges::equal(found, std::as_bytes(std::span(checksum_->digest)));
        keep = whole && equal;
    }
    std::uint64_t kept = upload_.received;
    try {
        if (keep) {
            data_.sync();
            kept = at_;
        } else {
            data_.truncate(kept);
            data_.sync();
        }
    } catch (...) {  // whatever the disk says: somebody else may try, from what was certain before
        folder_.mark(upload_.id, digest_ ? upload_.received : synced_, digest_.has_value(), true);
        throw;
    }
    folder_.mark(upload_.id, kept, false, true);
    return !whole || equal;
}

}  // namespace server::uploads
