// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/distribution.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <stdexcept>

#include "builders/plan/distributions_data.hpp"

namespace builders {
namespace {

namespace json = boost::json;

// One release's file with what it is like: a lookup goes from its own values to theirs.
class Data {
public:
    Data(std::vector<const json::object*> files) : files_(std::move(files)) {
        if (const json::value* release = find("release")) release_ = json::value_to<std::string>(*release);
    }

    std::string text(const char* key) const {
        const json::value* value = find(key);
        return value ? filled(json::value_to<std::string>(*value)) : "";
    }
    std::vector<std::string> list(const char* key) const {
        const json::value* value = find(key);
        return value ? all_filled(json::value_to<std::vector<std::string>>(*value)) : std::vector<std::string>{};
    }
    std::map<std::string, std::string> names(const char* key) const {
        const json::value* value = find(key);
        return value ? json::value_to<std::map<std::string, std::string>>(*value)
                     : std::map<std::string, std::string>{};
    }
    std::map<std::string, std::vector<std::string>> lists(const char* key) const {
        const json::value* value = find(key);
        return value ? json::value_to<std::map<std::string, std::vector<std::string>>>(*value)
                     : std::map<std::string, std::vector<std::string>>{};
    }
    std::vector<PackageSource> repositories() const {
        std::vector<PackageSource> found;
        const json::value* value = find("repositories");
        if (!value) return found;
        for (const json::value& one : value->as_array())
            for (const auto& [kind, address] : one.as_object())
                if (kind != "name")
                    found.push_back({json::value_to<std::string>(one.at("name")), std::string(kind),
                                     filled(json::value_to<std::string>(address))});
        return found;
    }
    // Only its own: what names a release never names one that is like it.
    std::vector<std::string> own_list(const char* key) const {
        return files_.front()->contains(key) ? list(key) : std::vector<std::string>{};
    }

private:
    const json::value* find(const char* key) const {
        for (const json::object* file : files_)
            if (const json::value* value = file->if_contains(key)) return value;
        return nullptr;
    }
    std::string filled(std::string text) const {
        constexpr std::string_view place = "{release}";
        for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += release_.size())
            text.replace(at, place.size(), release_);
        return text;
    }
    std::vector<std::string> all_filled(std::vector<std::string> texts) const {
        for (std::string& text : texts) text = filled(std::move(text));
        return texts;
    }

    std::vector<const json::object*> files_;
    std::string release_;
};

Distribution read(const Data& data) {
    Distribution d;
    d.id = data.text("id");
    d.title = data.text("title");
    d.family = data.text("family");
    d.release = data.text("release");
    d.level = data.text("level");
    d.addresses = data.own_list("addresses");
    d.addons = data.own_list("addons");
    d.versions = data.own_list("versions");
    d.suite = data.text("suite");
    d.architecture = data.text("architecture");
    d.components = data.list("components");
    d.companions = data.list("companions");
    d.repositories = data.repositories();
    d.keys = data.text("keys");
    d.keyring = data.text("keyring");
    d.guest_mirror = data.text("guest_mirror");
    d.guest_security_mirror = data.text("guest_security_mirror");
    d.kernel = data.text("kernel");
    d.pv_kernel = data.text("pv_kernel");
    d.hvm_kernel = data.text("hvm_kernel");
    d.bootloader = data.lists("bootloader");
    d.core_packages = data.list("core_packages");
    d.file_system = data.text("file_system");
    d.network = data.text("network");
    d.init = data.text("init");
    d.firewall = data.text("firewall");
    d.time_keeper = data.text("time_keeper");
    d.langpack = data.text("langpack");
    d.minimal_packages = data.list("minimal_packages");
    d.groups = data.names("groups");
    d.services = data.names("services");
    d.package_groups = data.lists("package_groups");
    return d;
}

std::vector<Distribution> read_all() {
    std::map<std::string, json::object> files;
    for (const std::string_view text : distributions_data) {
        json::object file = json::parse(json::string_view(text.data(), text.size())).as_object();
        files[json::value_to<std::string>(file.at("id"))] = std::move(file);
    }
    std::vector<Distribution> all;
    for (const auto& [id, file] : files) {
        std::vector<const json::object*> chain{&file};
        while (const json::value* like = chain.back()->if_contains("like")) {
            chain.push_back(&files.at(json::value_to<std::string>(*like)));
            if (chain.size() > files.size()) throw std::logic_error("distributions: " + id + " is like itself");
        }
        all.push_back(read(Data(std::move(chain))));
    }
    return all;
}

}  // namespace

const std::vector<Distribution>& distributions() {
    static const std::vector<Distribution> all = read_all();
    return all;
}

const Distribution* find_distribution(const std::string& id) {
    for (const Distribution& one : distributions())
        if (one.id == id) return &one;
    return nullptr;
}

std::vector<std::string> distribution_ids() {
    std::vector<std::string> ids;
    for (const Distribution& one : distributions()) ids.push_back(one.id);
    return ids;
}

}  // namespace builders
