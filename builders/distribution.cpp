// SPDX-License-Identifier: Apache-2.0
#include "builders/distribution.hpp"

#include <boost/json.hpp>

#include "builders/distributions_data.hpp"

namespace builders {
namespace {

namespace json = boost::json;

std::string text(const json::object& object, const char* key) {
    const json::value* value = object.if_contains(key);
    return value ? json::value_to<std::string>(*value) : "";
}
std::vector<std::string> list(const json::object& object, const char* key) {
    const json::value* value = object.if_contains(key);
    return value ? json::value_to<std::vector<std::string>>(*value) : std::vector<std::string>{};
}
template <class T>
std::map<std::string, T> dictionary(const json::object& object, const char* key) {
    const json::value* value = object.if_contains(key);
    return value ? json::value_to<std::map<std::string, T>>(*value) : std::map<std::string, T>{};
}

Distribution read(std::string_view data) {
    const json::value parsed = json::parse(json::string_view(data.data(), data.size()));
    const json::object& object = parsed.as_object();
    return {text(object, "id"),
            text(object, "title"),
            text(object, "family"),
            text(object, "suite"),
            text(object, "architecture"),
            list(object, "components"),
            text(object, "keys"),
            text(object, "guest_mirror"),
            text(object, "guest_security_mirror"),
            text(object, "kernel"),
            dictionary<std::string>(object, "bootloader"),
            list(object, "core_packages"),
            list(object, "minimal_packages"),
            dictionary<std::string>(object, "groups"),
            dictionary<std::string>(object, "services"),
            dictionary<std::vector<std::string>>(object, "package_groups")};
}

}  // namespace

std::optional<Distribution> find_distribution(const std::string& id) {
    for (const std::string_view data : distributions_data)
        if (Distribution found = read(data); found.id == id) return found;
    return std::nullopt;
}

std::vector<std::string> distribution_ids() {
    std::vector<std::string> ids;
    for (const std::string_view data : distributions_data) ids.push_back(read(data).id);
    return ids;
}

}  // namespace builders
