// SPDX-License-Identifier: Apache-2.0
#include "server/api/images.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

#include "formats/stream/digest.hpp"
#include "server/api/error_response.hpp"
#include "server/api/responses.hpp"

namespace server::api {
namespace {

namespace json = boost::json;
using formats::Format;

// Part of every ETag: another number when the same image would give other bytes.
constexpr const char* layout_version = "1";
constexpr const char* written = "raw, qcow2, vhd and xva";

std::string images_of(const catalog::Release& release) {
    std::string list;
    for (const catalog::Artifact& artifact : release.artifacts)
        if (images::place_of(artifact)) list += (list.empty() ? "" : ", ") + artifact.file_name;
    return list.empty() ? "no image" : list;
}

json::object hardware_in(const catalog::Release& release) {
    json::error_code error;
    const json::value details = json::parse(release.details, error);
    const json::value* hardware = !error && details.is_object() ? details.as_object().if_contains("hardware") : nullptr;
    return hardware && hardware->is_object() ? hardware->as_object() : json::object();
}

// As the release tells it, for an XVA of a disk that knows of no machine.
formats::Hardware hardware_of(const catalog::Release& release) {
    const json::object told = hardware_in(release);
    formats::Hardware hardware;
    const auto text = [&](const char* name, const std::string& otherwise) {
        const json::value* value = told.if_contains(name);
        return value && value->is_string() ? json::value_to<std::string>(*value) : otherwise;
    };
    const auto number = [&](const char* name, std::uint64_t otherwise) {
        const json::value* value = told.if_contains(name);
        return value && value->is_int64() && value->as_int64() > 0 ? static_cast<std::uint64_t>(value->as_int64())
                                                                   : otherwise;
    };
    hardware.name = text("name", release.name);
    hardware.description = text("description", "");
    const std::string mode = text("mode", "pvhvm");
    for (const formats::Mode one : {formats::Mode::pvhvm, formats::Mode::hvm, formats::Mode::pvh, formats::Mode::pv})
        if (mode == to_string(one)) hardware.mode = one;
    if (text("firmware", "bios") == "uefi") hardware.firmware = formats::Firmware::uefi;
    hardware.vcpus = static_cast<std::uint32_t>(number("vcpus", hardware.vcpus));
    hardware.memory_bytes = number("memory_bytes", hardware.memory_bytes);
    return hardware;
}

// What can be read from, the best first: an XVA has all disks and the machine; of a release with one disk, what lies
// there unpacked, or unpacks faster, comes before that. The order follows from the release alone, which never changes.
std::vector<const catalog::Artifact*> sources_of(const catalog::Release& release) {
    const json::object hardware = hardware_in(release);
    const json::value* disks = hardware.if_contains("disks");
    const bool one_disk = disks && disks->is_array() && disks->as_array().size() == 1;
    const auto cost = [&](const images::Place& place) {
        using formats::Compression;
        const int packing = place.packing == Compression::none   ? 0
                            : place.packing == Compression::zstd ? 1
                            : place.packing == Compression::gzip ? 2
                                                                 : 3;
        const int format = place.format == Format::xva     ? 0
                           : place.format == Format::qcow2 ? 1
                           : place.format == Format::vhd   ? 2
                                                           : 3;
        return one_disk ? 4 * packing + format : packing + 4 * format;
    };
    std::vector<std::pair<int, const catalog::Artifact*>> found;
    for (const catalog::Artifact& artifact : release.artifacts) {
        const auto place = images::place_of(artifact);
        if (!place) continue;
        const auto same = std::ranges::count(release.artifacts, artifact.format, &catalog::Artifact::format);
        if (place->format != Format::xva && same > 1) continue;  // of several disks: which is which is not known
        found.emplace_back(cost(*place), &artifact);
    }
    std::ranges::stable_sort(found, {}, &std::pair<int, const catalog::Artifact*>::first);
    std::vector<const catalog::Artifact*> sources;
    for (const auto& [cost, artifact] : found) sources.push_back(artifact);
    return sources;
}

// Strong: of all that the bytes follow from.
std::string etag_of(const catalog::Release& release, const catalog::Artifact& source, Format made, std::size_t disk) {
    std::string identity = std::string(layout_version) + "\n" + source.sha256 + "\n" + std::string(to_string(made)) +
                           "\n" + std::to_string(disk);
    if (images::place_of(source)->format != Format::xva && made == Format::xva)
        identity += "\n" + release.name + "\n" + json::serialize(hardware_in(release));
    return formats::digest_hex(formats::DigestKind::sha256, identity);
}

// From 1; 0 when the request names none.
std::size_t disk_number(const Request& request) {
    const std::string text = query_value(request, "disk");
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (!text.empty() && (error != std::errc() || end != text.data() + text.size() || number < 1))
        throw std::invalid_argument("disk: '" + text.substr(0, 40) + "' is not a number from 1");
    return number;
}

Response ranged(std::shared_ptr<const images::Output> output, const std::string& name, std::string etag, bool is_xva) {
    Response response;
    response.headers = {{"Content-Type", "application/octet-stream"},
                        {"Content-Disposition", "attachment; filename=\"" + name + "\""},
                        {"Cache-Control", "public, no-cache"}};
    RangedBody body;
    body.size = output->size();
    body.etag = std::move(etag);
    body.one_shot = is_xva;
    body.read = [output = std::move(output), name](std::uint64_t offset, std::span<std::byte> out) {
        try {
            output->read_at(offset, out);
            return true;
        } catch (const formats::NotYet&) {
            return false;
        } catch (const std::exception& error) {
            spdlog::error("{} broke off at byte {}: {}", name, offset, error.what());
            throw;
        }
    };
    response.ranged = std::move(body);
    return response;
}

Response not_yet() {
    Response response;
    response.not_yet = true;
    return response;
}

}  // namespace

Response image(const Call& call) {
    const auto release = call.service.catalog.release(call["release"]);
    if (!release) return problem(404, "there is no image " + call["release"].substr(0, 100));
    const std::string& format = call["format"];
    const auto known = formats::format_from(format);
    if (!known || *known == Format::vmdk || *known == Format::ova)
        return problem(415, "'" + format.substr(0, 40) + "' is not made; " + written + " are");
    images::Wish wish;
    wish.kind.format = *known;
    wish.disk = disk_number(call.request);
    wish.hardware = hardware_of(*release);
    std::string why = "it has " + images_of(*release);
    try {
        for (const catalog::Artifact* source : sources_of(*release)) try {
                wish.etag = etag_of(*release, *source, *known, wish.disk);
                auto output = call.service.images.output(*source, wish);
                if (!output) return not_yet();
                return ranged(std::move(output),
                              release->name + (wish.disk ? "-disk" + std::to_string(wish.disk) : "") + "." + format,
                              wish.etag, *known == Format::xva);
            } catch (const formats::NotReadableAnywhere& error) {
                why += "; " + source->file_name + ": " + error.what();
            }
        return problem(409, release->name + " cannot be made into other formats here: " + why);
    } catch (const images::WhichDisk& error) {
        const std::string numbers = "?disk=1 to ?disk=" + std::to_string(error.there);
        if (error.asked)
            return problem(404, std::string(error.what()) + ", and none has the number " + std::to_string(error.asked));
        return problem(409, std::string(error.what()) + ", and " + format + " holds one: choose by " + numbers);
    } catch (const std::invalid_argument& error) {
        return problem(409, error.what());
    }
}

std::optional<Response> unpacked(const Service& service, const std::string& release, const std::string& file) {
    std::string why;
    for (const char* ending : {".xz", ".zst", ".gz"}) {
        const auto artifact = service.catalog.file(release, file + ending);
        const auto place = artifact ? images::place_of(*artifact) : std::nullopt;
        if (!place) continue;
        const std::string etag = !artifact->image_sha256.empty() ? artifact->image_sha256
                                                                 : formats::digest_hex(formats::DigestKind::sha256,
                                                                                       "unpacked\n" + artifact->sha256);
        try {
            auto output = service.images.unpacked(*artifact);
            if (!output) return not_yet();
            return ranged(std::move(output), file, etag, place->format == Format::xva);
        } catch (const formats::NotReadableAnywhere& error) {
            why += (why.empty() ? "" : "; ") + artifact->file_name + ": " + error.what();
        }
    }
    if (why.empty()) return std::nullopt;
    return problem(409, file + " is not stored unpacked; " + why + ". Download that");
}

}  // namespace server::api
