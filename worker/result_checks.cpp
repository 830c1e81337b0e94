// SPDX-License-Identifier: Apache-2.0
#include "worker/result_checks.hpp"

#include <algorithm>
#include <stdexcept>

#include "formats/base/hex_digest.hpp"

namespace worker {
namespace {

namespace json = boost::json;

constexpr std::size_t most_key = 1000, most_disks = 64;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 60, most_vcpus = 4096;

bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}
bool is_control_in_lines(unsigned char c) {
    return is_control(c) && c != '\n' && c != '\t';
}

[[noreturn]] void wrong(const std::string& path, const std::string& what) {
    throw std::runtime_error(path + ": " + what);
}

std::string shown(std::string_view key) {
    return without_control_characters(key.substr(0, 64));
}

std::uint64_t number_of(const json::value& value, const std::string& path, std::uint64_t least, std::uint64_t most) {
    json::error_code error;
    const bool whole = value.is_int64() || value.is_uint64();
    const auto found = whole ? value.to_number<std::uint64_t>(error) : 0;
    if (!whole || error || found < least || found > most)
        wrong(path, shown(json::serialize(value)) + " is not a whole number from " + std::to_string(least) + " to " +
                        std::to_string(most));
    return found;
}

void require_texts(const json::value& value, const std::string& path) {
    if (const json::string* text = value.if_string()) {
        if (std::any_of(text->begin(), text->end(), is_control_in_lines)) wrong(path, "has a control character");
    } else if (const json::array* list = value.if_array()) {
        for (const json::value& one : *list) require_texts(one, path);
    } else if (const json::object* object = value.if_object()) {
        for (const auto& [key, one] : *object) {
            const std::string place = path + "." + shown(key);
            if (key.size() > most_key || std::any_of(key.begin(), key.end(), is_control))
                wrong(place, "is a name of " + std::to_string(key.size()) + " bytes or with a control character");
            require_texts(one, place);
            if (key == "disk_digest" || key == "sha256") {
                const json::string* digest = one.if_string();
                // A package whose digest is not known has an empty one.
                if (!digest || (!digest->empty() && !formats::Sha256::parse(*digest)))
                    wrong(place, "is not 64 lower-case hex digits");
            }
        }
    }
}

void require_one_of(const json::object& object, std::string_view name, std::initializer_list<std::string_view> known) {
    const json::value* value = object.if_contains(name);
    if (!value) return;
    const json::string* text = value->if_string();
    if (!text || std::find(known.begin(), known.end(), std::string_view(*text)) == known.end())
        wrong("details.hardware." + std::string(name), shown(json::serialize(*value)) + " is not known");
}

void require_number(const json::object& object, const std::string& path, std::string_view name, std::uint64_t least,
                    std::uint64_t most) {
    if (const json::value* value = object.if_contains(name)) number_of(*value, path + std::string(name), least, most);
}

void require_hardware(const json::value& value) {
    const json::object* hardware = value.if_object();
    if (!hardware) wrong("details.hardware", "is not an object");
    require_one_of(*hardware, "mode", {"pv", "hvm", "pvhvm", "pvh"});
    require_one_of(*hardware, "firmware", {"bios", "uefi"});
    require_number(*hardware, "details.hardware.", "vcpus", 1, most_vcpus);
    require_number(*hardware, "details.hardware.", "memory_bytes", 1, most_bytes);
    const json::value* disks = hardware->if_contains("disks");
    if (!disks) return;
    const json::array* list = disks->if_array();
    if (!list || list->size() > most_disks)
        wrong("details.hardware.disks", "is not a list of at most " + std::to_string(most_disks));
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string path = "details.hardware.disks[" + std::to_string(i) + "]";
        const json::object* disk = (*list)[i].if_object();
        if (!disk) wrong(path, "is not an object");
        require_number(*disk, path + ".", "virtual_size", 1, most_bytes);
        require_number(*disk, path + ".", "allocated", 0, most_bytes);
    }
}

template <class IsControl>
std::string replaced(std::string_view text, const IsControl& control) {
    std::string clean;
    for (const char c : text) {
        if (control(static_cast<unsigned char>(c)))
            clean += "\xEF\xBF\xBD";
        else
            clean += c;
    }
    return clean;
}

}  // namespace

Members::Members(const json::value& value, std::string path, std::initializer_list<std::string_view> names)
    : object_(value.if_object()), path_(std::move(path)) {
    if (!object_) throw std::runtime_error(path_ + "is not an object");
    for (const std::string_view name : names)
        if (!object_->contains(name)) throw std::runtime_error(path_ + std::string(name) + " is missing");
    for (const auto& [key, one] : *object_)
        if (std::find(names.begin(), names.end(), std::string_view(key)) == names.end())
            throw std::runtime_error(path_ + shown(key) + " is not known here");
}

const json::value& Members::at(std::string_view name) const {
    return object_->at(name);
}

std::string Members::text(std::string_view name, std::size_t most) const {
    const std::string path = path_ + std::string(name);
    const json::string* text = at(name).if_string();
    if (!text) wrong(path, "is not text");
    if (text->size() > most)
        wrong(path, "has " + std::to_string(text->size()) + " bytes, more than " + std::to_string(most));
    if (std::any_of(text->begin(), text->end(), is_control)) wrong(path, "has a control character");
    return std::string(*text);
}

std::uint64_t Members::number(std::string_view name, std::uint64_t least, std::uint64_t most) const {
    return number_of(at(name), path_ + std::string(name), least, most);
}

void require_details(const json::value& details) {
    if (!details.is_object()) wrong("details", "is not an object");
    require_texts(details, "details");
    if (const json::value* hardware = details.as_object().if_contains("hardware")) require_hardware(*hardware);
}

std::string without_control_characters(std::string_view text) {
    return replaced(text, is_control);
}

json::value without_control_characters(const json::value& details) {
    if (const json::string* text = details.if_string()) return json::value(replaced(*text, is_control_in_lines));
    if (const json::array* list = details.if_array()) {
        json::array clean;
        for (const json::value& one : *list) clean.push_back(without_control_characters(one));
        return clean;
    }
    if (const json::object* object = details.if_object()) {
        json::object clean;
        for (const auto& [key, one] : *object)
            clean[replaced(std::string_view(key).substr(0, most_key / 3), is_control)] =
                without_control_characters(one);
        return clean;
    }
    return details;
}

}  // namespace worker
