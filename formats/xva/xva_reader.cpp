// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_reader.hpp"

#include <array>
#include <cstdio>

#include "formats/base/errors.hpp"
#include "formats/base/file.hpp"
#include "formats/stream/digest.hpp"
#include "formats/xva/xva_archive.hpp"

namespace formats::xva {

void verify_chunk(std::span<const std::byte> data, std::string_view stated, const std::string& name) {
    std::string computed;
    if (stated.size() == 40) {
        computed = digest_hex(DigestKind::sha1, data);
    } else {
        std::array<char, 17> text{};
        std::snprintf(text.data(), text.size(), "%016llX", static_cast<unsigned long long>(xxh64(data)));
        computed = text.data();
    }
    if (stated != computed)
        throw CorruptImage("xva: block " + name + " is damaged: its checksum is " + computed + ", the archive states " +
                           std::string(stated));
}

XvaReport index_xva(ByteSource& from, const PlaceHandler& on_chunk) {
    Archive archive(from, false);
    for (Chunk chunk; archive.next(chunk);) on_chunk(chunk.disk, chunk.offset, chunk.place, chunk.length);
    return archive.report();
}

XvaReport read_xva(ByteSource& from, const ChunkHandler& on_chunk) {
    VerifiedChunks chunks(from);
    while (const Chunk* chunk = chunks.next())
        if (on_chunk) on_chunk(chunk->disk, chunk->offset, chunk->data);
    XvaReport report = chunks.archive().report();
    report.file_size += chunks.bytes_behind();
    return report;
}

XvaReport extract_xva(ByteSource& from, const std::filesystem::path& folder) {
    std::vector<File> files;
    const auto file = [&](std::size_t disk) -> File& {
        while (files.size() <= disk)
            files.push_back(File::create(folder / ("disk" + std::to_string(files.size() + 1) + ".raw"), 0644, true));
        return files[disk];
    };
    const XvaReport report =
        read_xva(from, [&](std::size_t disk, std::uint64_t offset, std::span<const std::byte> data) {
            file(disk).write_at(offset, data);
        });
    for (std::size_t i = 0; i < report.disks.size(); ++i) {
        file(i).truncate(report.disks[i].virtual_size);
        file(i).sync();
    }
    return report;
}

}  // namespace formats::xva
