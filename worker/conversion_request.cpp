// SPDX-License-Identifier: Apache-2.0
#include "worker/conversion_request.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>

#include "builders/plan/build_options.hpp"
#include "formats/stream/digest.hpp"

namespace worker {
namespace {

namespace json = boost::json;
using formats::Compression;
using formats::OutputKind;

std::string in_quotes(std::string_view text) {
    return "'" + std::string(text.substr(0, 100)) + "'";
}

// Reads members of one object and keeps what is wrong with them.
class Reader {
public:
    Reader(const json::object& object, std::string path, std::vector<std::string>& errors)
        : object_(object), path_(std::move(path)), errors_(errors) {}

    void wrong(const std::string& name, const std::string& what) { errors_.push_back(path_ + name + ": " + what); }

    const json::value* member(const char* name, bool required = false) {
        known_.insert(name);
        const json::value* value = object_.if_contains(name);
        if (!value && required) wrong(name, "is missing");
        return value;
    }

    std::optional<std::string> text(const char* name, std::size_t most, bool required = false) {
        const json::value* value = member(name, required);
        if (!value) return std::nullopt;
        const json::string* string = value->if_string();
        if (!string) {
            wrong(name, "is not text");
        } else if (string->empty() || string->size() > most) {
            wrong(name, "has " + std::to_string(string->size()) + " bytes, not 1 to " + std::to_string(most));
        } else if (std::ranges::any_of(*string, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
            wrong(name, "has a control character");
        } else {
            return std::string(*string);
        }
        return std::nullopt;
    }

    std::optional<bool> flag(const char* name) {
        const json::value* value = member(name);
        if (!value) return std::nullopt;
        if (!value->is_bool()) wrong(name, "is neither true nor false");
        return value->is_bool() ? std::optional(value->as_bool()) : std::nullopt;
    }

    std::optional<std::uint64_t> number(const char* name, std::uint64_t least, std::uint64_t most) {
        const json::value* value = member(name);
        if (!value) return std::nullopt;
        json::error_code error;
        const auto found = value->is_number() ? value->to_number<std::uint64_t>(error) : 0;
        if (value->is_number() && !error && found >= least && found <= most) return found;
        wrong(name, json::serialize(*value).substr(0, 40) + " is not a number from " + std::to_string(least) + " to " +
                        std::to_string(most));
        return std::nullopt;
    }

    // A build's option of that name says what is right; text or a whole number.
    void option(builders::BuildOptions& options, const char* name, bool required = false) {
        const json::value* value = member(name, required);
        if (!value) return;
        if (!value->is_string() && !value->is_int64() && !value->is_uint64())
            return wrong(name, "is neither text nor a whole number");
        const std::string said = value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
        if (const auto why = set_option(options, name, said)) wrong(name, why->substr(std::string(name).size() + 2));
    }

    const json::object* object(const char* name, bool required = false) {
        const json::value* value = member(name, required);
        if (value && !value->is_object()) wrong(name, "is not an object");
        return value ? value->if_object() : nullptr;
    }

    void nothing_else() {
        std::string all;
        for (const std::string& name : known_) all += (all.empty() ? "" : ", ") + name;
        for (const auto& [key, value] : object_)
            if (!known_.contains(std::string(key)))
                errors_.push_back(path_ + std::string(key).substr(0, 64) + ": is not known here; there are " + all);
    }

    const std::string& path() const { return path_; }

private:
    const json::object& object_;
    std::string path_;
    std::vector<std::string>& errors_;
    std::set<std::string> known_;
};

void read_url(Reader& reader, const std::string& url, ConversionSource& source) {
    const std::size_t host = url.find("://") == std::string::npos ? 0 : url.find("://") + 3;
    const std::string_view authority = std::string_view(url).substr(host, url.find_first_of("/?#", host) - host);
    if (!url.starts_with("http://") && !url.starts_with("https://"))
        reader.wrong("url", in_quotes(url) + " is not an http(s) address");
    else if (authority.empty() || url.find(' ') != std::string::npos)
        reader.wrong("url", in_quotes(url) + " names no host, or has a space");
    else if (authority.find('@') != std::string_view::npos)
        reader.wrong("url", "has credentials in it, which would stand in logs");
    source.url = url;
    if (const auto digest = reader.text("sha256", 64)) {
        source.sha256 = *digest;
        std::ranges::transform(source.sha256, source.sha256.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (!formats::is_sha256(source.sha256)) reader.wrong("sha256", in_quotes(*digest) + " is not 64 hex digits");
    }
}

ConversionSource read_source(const json::object& object, std::vector<std::string>& errors) {
    ConversionSource source;
    Reader reader(object, "source.", errors);
    const bool upload = object.contains("upload"), artifact = object.contains("artifact"), url = object.contains("url");
    if (upload + artifact + url != 1) {
        errors.emplace_back("source: names " + std::to_string(upload + artifact + url) +
                            " sources; one of upload, artifact and url is wanted");
    }
    if (const auto id = reader.text("upload", 128)) source.upload = *id;
    if (const json::object* place = reader.object("artifact")) {
        Reader file(*place, "source.artifact.", errors);
        source.release = file.text("release", 255, true).value_or("");
        source.file_name = file.text("file_name", 255, true).value_or("");
        file.nothing_else();
        source.kind = ConversionSource::Kind::artifact;
    }
    if (const auto address = reader.text("url", 4096)) read_url(reader, *address, source);
    if (url) source.kind = ConversionSource::Kind::url;
    if (!url && object.contains("sha256")) reader.wrong("sha256", "goes with url; an upload or artifact is what it is");
    reader.member("sha256");
    reader.nothing_else();
    return source;
}

void read_compression(Reader& reader, const std::string& text, OutputKind& kind) {
    try {
        const formats::Packing packing = formats::packing_from(text);
        kind.packing = packing.kind;
        kind.level = packing.level;
    } catch (const std::invalid_argument& error) {
        return reader.wrong("compression", in_quotes(text) + ": " + error.what());
    }
    if (kind.clusters != Compression::none && kind.packing != Compression::none)
        reader.wrong("compression", in_quotes(text) + ": the clusters of " + output_name(kind).substr(0, 10) +
                                        " are compressed already");
}

void read_output(const json::value& value, const std::string& path, ConversionRequest& request,
                 std::vector<std::string>& errors) {
    if (!value.is_object()) {
        errors.push_back(path + ": is not an object");
        return;
    }
    Reader reader(value.as_object(), path + ".", errors);
    const std::size_t before = errors.size();
    OutputKind kind;
    if (const auto format = reader.text("format", 100, true)) {
        const auto known = formats::output_kind_from(*format);
        if (!known || known->packing != Compression::none || format->find('.') != std::string::npos)
            reader.wrong("format", in_quotes(*format) +
                                       ": xva, vhd, vhd-fixed, raw, qcow2, qcow2-zlib and qcow2-zstd are written");
        else
            kind = *known;
    }
    if (const auto compression = reader.text("compression", 100)) read_compression(reader, *compression, kind);
    if (const auto checksum = reader.text("checksum", 100)) {
        if (kind.format != formats::Format::xva)
            reader.wrong("checksum", "is of an xva's chunks");
        else if (*checksum != "sha1" && *checksum != "xxhash")
            reader.wrong("checksum", in_quotes(*checksum) + " is neither sha1 nor xxhash");
        kind.xxhash = *checksum == "xxhash";
    }
    if (kind.format == formats::Format::xva && !kind.xxhash) kind.xxhash = false;  // every host reads it
    reader.nothing_else();
    if (errors.size() != before) return;
    for (const OutputKind& other : request.outputs)
        if (output_name(other) == output_name(kind))
            errors.push_back(path + ": " + output_name(kind) + " is listed twice");
    request.outputs.push_back(kind);
}

formats::HardwareWish read_hardware(const json::object& object, std::vector<std::string>& errors) {
    formats::HardwareWish wish;
    Reader reader(object, "hardware.", errors);
    builders::BuildOptions options;
    for (const char* name : {"vcpus", "memory", "mode"}) reader.option(options, name);
    wish.vcpus = options.vcpus;
    wish.memory_bytes = options.memory_bytes;
    wish.mode = options.mode;
    wish.name = reader.text("name", 255);
    wish.description = reader.text("description", 1000);
    if (const auto firmware = reader.text("firmware", 20)) {
        if (*firmware != "bios" && *firmware != "uefi" && *firmware != "auto")
            reader.wrong("firmware", in_quotes(*firmware) + " is not one of bios, uefi, auto");
        else if (*firmware != "auto")
            wish.firmware = *firmware == "uefi" ? formats::Firmware::uefi : formats::Firmware::bios;
    }
    wish.is_template = reader.flag("template");
    wish.secure_boot = reader.flag("secure_boot");
    if (wish.secure_boot.value_or(false) && wish.firmware == formats::Firmware::bios)
        reader.wrong("secure_boot", "goes with firmware uefi, not bios");
    if (const auto count = reader.number("network_interfaces", 0, 7))
        wish.network_interfaces = static_cast<std::uint32_t>(*count);
    reader.nothing_else();
    return wish;
}

}  // namespace

std::string ConversionSource::described() const {
    switch (kind) {
        case Kind::upload:
            return "upload " + upload;
        case Kind::artifact:
            return "artifact " + release + "/" + file_name;
        case Kind::url:
            break;
    }
    return url.substr(0, url.find_first_of("?#"));
}

std::string conversion_release(const ConversionRequest& request, const std::string& date) {
    return request.name + "-" + date;
}

std::string conversion_title(const ConversionRequest& request, const std::string& source) {
    return request.name + ", converted from " + source;
}

ReadConversion read_conversion(const json::object& body) {
    ReadConversion read;
    ConversionRequest& request = read.request;
    Reader reader(body, "", read.errors);
    if (const json::object* source = reader.object("source", true)) request.source = read_source(*source, read.errors);
    if (const auto from = reader.text("from", 20)) {
        request.from = formats::format_from(*from);
        if (!request.from) reader.wrong("from", in_quotes(*from) + ": raw, qcow2, vhd, vmdk, xva and ova are known");
    }
    request.disk = reader.number("disk", 1, 16).value_or(0);
    if (const json::value* outputs = reader.member("outputs", true)) {
        if (!outputs->is_array() || outputs->as_array().empty() || outputs->as_array().size() > 32)
            reader.wrong("outputs", "is not a list of 1 to 32 {\"format\", \"compression\"}");
        else
            for (std::size_t i = 0; i < outputs->as_array().size(); ++i)
                read_output(outputs->as_array()[i], "outputs[" + std::to_string(i) + "]", request, read.errors);
    }
    builders::BuildOptions options;
    reader.option(options, "name", true);
    request.name = options.name.value_or("");
    if (const json::object* hardware = reader.object("hardware"))
        request.hardware = read_hardware(*hardware, read.errors);
    request.nested = reader.flag("nested").value_or(false);
    reader.nothing_else();
    return read;
}

}  // namespace worker
