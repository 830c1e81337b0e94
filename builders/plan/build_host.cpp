// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/build_host.hpp"

#include <boost/json.hpp>

namespace builders {

namespace json = boost::json;

std::string to_json(const BuildHost& host) {
    json::object keyrings;
    for (const auto& [distribution, file] : host.keyrings) keyrings[distribution] = file;
    return json::serialize(json::object{
        {"allowed_hosts", json::array(host.allowed_hosts.begin(), host.allowed_hosts.end())},
        {"keyrings", keyrings},
        {"open_network", host.open_network},
        {"host_scripts", host.host_scripts},
        {"expired_indices", host.expired_indices},
        {"limits",
         json::object{
             {"memory", host.limits.memory}, {"processes", host.limits.processes}, {"seconds", host.limits.seconds}}}});
}

BuildHost build_host_from_json(std::string_view text) {
    const json::value value = json::parse(json::string_view(text.data(), text.size()));
    const json::object& object = value.as_object();
    BuildHost host;
    for (const json::value& one : object.at("allowed_hosts").as_array())
        host.allowed_hosts.push_back(json::value_to<std::string>(one));
    for (const auto& [distribution, file] : object.at("keyrings").as_object())
        host.keyrings[distribution] = json::value_to<std::string>(file);
    host.host_scripts = object.at("host_scripts").as_bool();
    host.open_network = object.at("open_network").as_bool();
    const json::value* expired = object.if_contains("expired_indices");  // not in jobs of older services
    host.expired_indices = expired && expired->as_bool();
    const json::object& limits = object.at("limits").as_object();
    host.limits.memory = limits.at("memory").to_number<std::uint64_t>();
    host.limits.processes = limits.at("processes").to_number<unsigned>();
    host.limits.seconds = limits.at("seconds").to_number<unsigned>();
    return host;
}

}  // namespace builders
