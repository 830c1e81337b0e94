// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files that a worker made, as the service takes them: a worker may have been taken over by what it read or built, and
// its folder hold anything.
//
//   open_folder ─▶ open_product ─▶ measure ─▶ require_sealed ─▶ Store::adopt, by the same descriptor
//
// A file is opened once, below an open folder, following no link; it is a regular file of this user with no second
// name. From then on it is known by its descriptor. That nobody can change it between its digest and its publication,
// or later, has two halves. The job's processes are dead (jobs/worker_process.hpp), so nobody who may open it is left.
// And the kernel vouches that nobody has it open for writing, not even by a shared mapping or a descriptor that was
// handed on: it grants a read lease (fcntl F_SETLEASE) only then, and breaks it as soon as somebody opens the file for
// writing or truncates it, which require_sealed() sees. A lease costs nothing; a copy, which would be safe as well,
// costs the file once more. File systems that know no leases (some network and overlay file systems) get that copy: a
// file that only the service has ever had open.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/base/file.hpp"
#include "formats/base/hex_digest.hpp"

namespace worker {

// A folder, not a link to one.
formats::File open_folder(const std::filesystem::path& path);

// A file of it to read: regular, of this user, with one name, no link; of at most `most` bytes. Throws
// std::runtime_error that says which of these it is not. A pipe or device is refused, not waited for.
formats::File open_plain(const formats::File& folder, const std::string& name, std::uint64_t most);

// The same, sealed: not writable any more (its mode), leased, synced. `spare` is a folder of this file system for the
// copy, if one is needed; the copy has no name there any more when this returns.
formats::File open_product(const formats::File& folder, const std::string& name, const std::filesystem::path& spare);

// Of a file without leases; what open_product() does then. Exactly `size` bytes.
formats::File unnamed_copy(const formats::File& file, std::uint64_t size, const std::filesystem::path& folder);

struct Measured {
    std::uint64_t size;
    formats::Sha256 sha256;
    formats::Md5 md5;
};
// Reads each file once for each of its digests, on all processors.
std::vector<Measured> measure(const std::vector<formats::File>& files);

// Throws std::runtime_error when somebody tried to write a product of open_product() since it was opened.
void require_sealed(const formats::File& product);

}  // namespace worker
