// SPDX-License-Identifier: Apache-2.0
#pragma once
// An open file descriptor and the calls on it that either do all or throw std::system_error naming
// the path.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace formats {

class File {
public:
    File() = default;
    // Adopts a descriptor; `name` is for messages.
    File(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
    File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), name_(std::move(other.name_)) {}
    File& operator=(File&& other) noexcept;
    ~File();

    static File open_read(const std::filesystem::path& path);
    // New, empty, readable and writable; an existing file is an error unless `replace`.
    static File create(const std::filesystem::path& path, unsigned mode = 0644, bool replace = false);

    int descriptor() const { return descriptor_; }
    const std::string& name() const { return name_; }
    std::uint64_t size() const;

    void read_at(std::uint64_t offset, std::span<std::byte> out) const;  // all, or throws
    std::size_t read(std::span<std::byte> out) const;                    // some; 0 at the end
    void write(std::span<const std::byte> bytes) const;                  // all, at the position
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;
    void truncate(std::uint64_t size) const;
    void sync() const;
    void close();  // throws, unlike the destructor

private:
    int descriptor_ = -1;
    std::string name_;
};

// So that a rename or a new name in it survives a crash.
void sync_folder(const std::filesystem::path& folder);

}  // namespace formats
