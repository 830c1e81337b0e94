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
    Distribution d;
    d.id = text(object, "id");
    d.title = text(object, "title");
    d.family = text(object, "family");
    d.suite = text(object, "suite");
    d.architecture = text(object, "architecture");
    d.components = list(object, "components");
    d.companions = list(object, "companions");
    d.keys = text(object, "keys");
    d.keyring = text(object, "keyring");
    d.guest_mirror = text(object, "guest_mirror");
    d.guest_security_mirror = text(object, "guest_security_mirror");
    d.kernel = text(object, "kernel");
    d.pv_kernel = text(object, "pv_kernel");
    d.bootloader = dictionary<std::vector<std::string>>(object, "bootloader");
    d.core_packages = list(object, "core_packages");
    d.network = text(object, "network");
    d.minimal_packages = list(object, "minimal_packages");
    d.groups = dictionary<std::string>(object, "groups");
    d.services = dictionary<std::string>(object, "services");
    d.package_groups = dictionary<std::vector<std::string>>(object, "package_groups");
    return d;
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
