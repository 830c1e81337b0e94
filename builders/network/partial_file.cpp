// SPDX-License-Identifier: Apache-2.0
#include "builders/network/partial_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

#include "builders/network/fetch_answer.hpp"
#include "builders/network/fetch_errors.hpp"

namespace builders::network {
namespace {

namespace fs = std::filesystem;

constexpr const char* first_line = "xenkiln fetch 1";

formats::File open_and_lock(const fs::path& path) {
    formats::File file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644), path.string());
    struct stat status {};
    if (file.descriptor() < 0 || ::fstat(file.descriptor(), &status) != 0)
        throw std::system_error(errno, std::generic_category(), "open " + path.string());
    if (!S_ISREG(status.st_mode)) throw FetchFailed(path.string() + " is not an ordinary file");
    if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0)
        throw FetchFailed(path.string() + " is being fetched by another process");
    return file;
}

}  // namespace

PartialFile::PartialFile(fs::path path, const std::string& url)
    : path_(std::move(path)),
      beside_(path_.string() + ".from"),
      source_(formats::digest_hex(formats::DigestKind::sha256, url)),
      file_(open_and_lock(path_)) {
    if (!recall()) begin({}, {});
}

PartialFile::~PartialFile() {
    if (over_ || size_ > 0) return;
    ::unlink(beside_.c_str());
    ::unlink(path_.c_str());
}

// True: what is there can be gone on with, and its digest is up to date.
bool PartialFile::recall() {
    std::ifstream beside(beside_, std::ios::binary);
    std::string first, source, validator, total, whole_until;
    if (!std::getline(beside, first) || !std::getline(beside, source) || !std::getline(beside, validator) ||
        !std::getline(beside, total) || first != first_line || source != source_ || validator.empty())
        return false;
    const std::optional<std::uint64_t> whole = parse_size(total);
    std::uint64_t there = file_.size();
    if (std::getline(beside, whole_until)) {  // there are gaps behind it
        there = std::min(there, parse_size(whole_until).value_or(0));
        file_.truncate(there);
    }
    if ((total != "-" && !whole) || (whole && there > *whole)) return false;
    validator_ = validator;
    total_ = whole;
    digest_until(there);
    remember(false);
    return true;
}

void PartialFile::digest_until(std::uint64_t size) {
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (size_ < size) {
        const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - size_));
        file_.read_at(size_, part);
        digest_.update(part);
        size_ += part.size();
    }
}

// Not synced, unlike formats::write_whole_file: it is written as often as the bytes that it speaks of come, and those
// are not synced before the end either.
void PartialFile::remember(bool with_gaps) const {
    const fs::path next = beside_.string() + ".new";
    const std::string text = std::string(first_line) + "\n" + source_ + "\n" + validator_ + "\n" +
                             (total_ ? std::to_string(*total_) : "-") + "\n" +
                             (with_gaps ? std::to_string(size_) + "\n" : "");
    ::unlink(next.c_str());
    formats::File file = formats::File::create(next);
    file.write(std::as_bytes(std::span(text)));
    file.close();
    fs::rename(next, beside_);
}

void PartialFile::begin(const std::string& validator, std::optional<std::uint64_t> total) {
    ::unlink(beside_.c_str());  // first: it must never vouch for bytes of another file
    file_.truncate(0);
    digest_.finish();  // begins anew
    size_ = 0;
    validator_ = validator;
    total_ = total;
    if (!validator_.empty()) remember(false);
}

void PartialFile::append(std::span<const std::byte> bytes) {
    file_.write_at(size_, bytes);
    digest_.update(bytes);
    size_ += bytes.size();
}

void PartialFile::with_gaps() {
    remember(true);
}

void PartialFile::advance(std::uint64_t size) {
    digest_until(size);
    remember(true);
}

std::string PartialFile::finish() {
    over_ = true;
    ::unlink(beside_.c_str());
    return digest_.finish_hex();
}

void PartialFile::discard() {
    over_ = true;
    ::unlink(beside_.c_str());
    ::unlink(path_.c_str());
}

}  // namespace builders::network
