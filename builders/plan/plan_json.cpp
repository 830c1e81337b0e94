// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/plan_json.hpp"

#include <boost/json.hpp>
#include <concepts>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace builders {
namespace {

namespace json = boost::json;
using formats::OutputKind;

// The last value of an enumeration, which goes as its number.
template <class E>
constexpr E last_of = E{};
template <>
constexpr formats::Mode last_of<formats::Mode> = formats::Mode::pv;
template <>
constexpr formats::Firmware last_of<formats::Firmware> = formats::Firmware::uefi;
template <>
constexpr Network last_of<Network> = Network::open;
template <>
constexpr Layout last_of<Layout> = Layout::partitionless;
template <>
constexpr PartitionKind last_of<PartitionKind> = PartitionKind::lvm;
template <>
constexpr TreeFile::Kind last_of<TreeFile::Kind> = TreeFile::Kind::directory;

// Each structure's members stand here once, for both ways; a member that is added to one and not bound here does not
// compile.
template <class Way>
void members(Way& way, FileSystemPlan& all) {
    auto& [mount_point, fstype, label, uuid, fs_options] = all;
    way("mount_point", mount_point)("fstype", fstype)("label", label)("uuid", uuid)("fs_options", fs_options);
}
template <class Way>
void members(Way& way, PartitionPlan& all) {
    auto& [number, offset, size, kind, file_system, physical_volume, active] = all;
    way("number", number)("offset", offset)("size", size)("kind", kind)("file_system", file_system);
    way("physical_volume", physical_volume)("active", active);
}
template <class Way>
void members(Way& way, DiskPlan& all) {
    auto& [size, table, partitions, whole, signature] = all;
    way("size", size)("table", table)("partitions", partitions)("whole", whole)("signature", signature);
}
template <class Way>
void members(Way& way, LogicalVolumePlan& all) {
    auto& [name, size, file_system] = all;
    way("name", name)("size", size)("file_system", file_system);
}
template <class Way>
void members(Way& way, VolumeGroupPlan& all) {
    auto& [name, extent, physical_volumes, volumes] = all;
    way("name", name)("extent", extent)("physical_volumes", physical_volumes)("volumes", volumes);
}
template <class Way>
void members(Way& way, StoragePlan& all) {
    auto& [layout, disks, groups] = all;
    way("layout", layout)("disks", disks)("groups", groups);
}
template <class Way>
void members(Way& way, formats::Hardware& all) {
    auto& [name, description, mode, firmware, vcpus, memory_bytes, network_interfaces, is_template, secure_boot,
           pv_args] = all;
    way("name", name)("description", description)("mode", mode)("firmware", firmware)("vcpus", vcpus);
    way("memory_bytes", memory_bytes)("network_interfaces", network_interfaces)("is_template", is_template);
    way("secure_boot", secure_boot)("pv_args", pv_args);
}
template <class Way>
void members(Way& way, TreeFile& all) {
    auto& [path, content, mode, uid, gid, kind] = all;
    way("path", path)("content", content)("mode", mode)("uid", uid)("gid", gid)("kind", kind);
}
template <class Way>
void members(Way& way, kickstart::Password& all) {
    auto& [value, crypted] = all;
    way("value", value)("crypted", crypted);
}
template <class Way>
void members(Way& way, kickstart::Group& all) {
    auto& [line, name, gid] = all;
    way("line", line)("name", name)("gid", gid);
}
template <class Way>
void members(Way& way, UserPlan& all) {
    auto& [name, gecos, home, shell, groups, password, locked, uid, gid, ssh_keys] = all;
    way("name", name)("gecos", gecos)("home", home)("shell", shell)("groups", groups)("password", password);
    way("locked", locked)("uid", uid)("gid", gid)("ssh_keys", ssh_keys);
}
template <class Way>
void members(Way& way, ScriptPlan& all) {
    auto& [line, outside, interpreter, log, body, error_on_fail] = all;
    way("line", line)("outside", outside)("interpreter", interpreter)("log", log)("body", body);
    way("error_on_fail", error_on_fail);
}
template <class Way>
void members(Way& way, Note& all) {
    auto& [line, message] = all;
    way("line", line)("message", message);
}
template <class Way>
void members(Way& way, BuildPlan& all) {
    auto& [release_name, title, date, distribution, distribution_guessed, distribution_because, hardware, outputs,
           xxhash, packages, excluded_packages, package_options, modules, sources, default_sources, guest_sources,
           network, exclude_docs, storage, bootloader, kernel_arguments, loader_password, timeout, files, commands,
           groups, users, root_password, root_ssh_keys, pre_scripts, scripts, unsafe, notes] = all;
    way("release_name", release_name)("title", title)("date", date)("distribution", distribution);
    way("distribution_guessed", distribution_guessed)("distribution_because", distribution_because);
    way("hardware", hardware)("outputs", outputs)("xxhash", xxhash)("packages", packages);
    way("excluded_packages", excluded_packages)("package_options", package_options)("modules", modules);
    way("sources", sources)("default_sources", default_sources)("guest_sources", guest_sources)("network", network);
    way("exclude_docs", exclude_docs)("storage", storage)("bootloader", bootloader);
    way("kernel_arguments", kernel_arguments)("loader_password", loader_password)("timeout", timeout);
    way("files", files)("commands", commands)("groups", groups)("users", users)("root_password", root_password);
    way("root_ssh_keys", root_ssh_keys)("pre_scripts", pre_scripts)("scripts", scripts)("unsafe", unsafe);
    way("notes", notes);
}

template <class T>
constexpr bool is_plain = std::is_arithmetic_v<T> || std::is_same_v<T, std::string>;

class Writer {
public:
    template <class T>
    Writer& operator()(const char* name, T& value) {
        object_[name] = written(value);
        return *this;
    }
    template <class T>
    static json::value written(T& value) {
        if constexpr (is_plain<T>) {
            return json::value(value);
        } else if constexpr (std::is_enum_v<T>) {
            return static_cast<int>(value);
        } else {
            Writer writer;
            members(writer, value);
            return std::move(writer.object_);
        }
    }
    template <class T>
    static json::value written(std::optional<T>& value) {
        return value ? written(*value) : json::value(nullptr);
    }
    template <class T>
    static json::value written(std::vector<T>& list) {
        json::array all;
        for (T& one : list) all.push_back(written(one));
        return all;
    }
    static json::value written(Distribution& distribution) { return json::string(distribution.id); }
    static json::value written(OutputKind& kind) {
        return json::object{{"name", output_name(kind)},
                            {"level", kind.level ? json::value(*kind.level) : json::value(nullptr)}};
    }

private:
    json::object object_;
};

class Reader {
public:
    Reader(const json::value& value, std::string path) : path_(std::move(path)) {
        if (!value.is_object()) wrong("is not an object");
        object_ = &value.get_object();
    }

    template <class T>
    Reader& operator()(const char* name, T& into) {
        const json::value* value = object_->if_contains(name);
        const std::string path = path_ + (path_.empty() ? "" : ".") + name;
        if (!value) Reader(path).wrong("is missing");
        read(*value, path, into);
        ++known_;
        return *this;
    }
    void nothing_else() const {
        if (object_->size() != known_)
            wrong("has " + std::to_string(object_->size()) + " members, not " + std::to_string(known_));
    }

    template <class T>
    static void read(const json::value& value, const std::string& path, T& into) {
        if constexpr (std::is_same_v<T, bool>) {
            if (!value.is_bool()) Reader(path).wrong("is neither true nor false");
            into = value.get_bool();
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (!value.is_string()) Reader(path).wrong("is not text");
            into = std::string(value.get_string());
        } else if constexpr (std::is_arithmetic_v<T>) {
            json::error_code error;
            const bool whole = value.is_int64() || value.is_uint64();
            const T number = whole ? value.to_number<T>(error) : T{};
            if (!whole || error) Reader(path).wrong("is not a whole number of its range");
            into = number;
        } else if constexpr (std::is_enum_v<T>) {
            unsigned number = 0;
            read(value, path, number);
            if (number > static_cast<unsigned>(last_of<T>))
                Reader(path).wrong(std::to_string(number) + " is not known");
            into = static_cast<T>(number);
        } else {
            Reader reader(value, path);
            members(reader, into);
            reader.nothing_else();
        }
    }
    template <class T>
    static void read(const json::value& value, const std::string& path, std::optional<T>& into) {
        into.reset();
        if (!value.is_null()) read(value, path, into.emplace());
    }
    template <class T>
    static void read(const json::value& value, const std::string& path, std::vector<T>& into) {
        if (!value.is_array()) Reader(path).wrong("is not a list");
        into.clear();
        for (const json::value& one : value.get_array())
            read(one, path + "[" + std::to_string(into.size()) + "]", into.emplace_back());
    }
    static void read(const json::value& value, const std::string& path, Distribution& into) {
        std::string id;
        read(value, path, id);
        const Distribution* found = find_distribution(id);
        if (!found) Reader(path).wrong("'" + id + "' is not known");
        into = *found;
    }
    static void read(const json::value& value, const std::string& path, OutputKind& into) {
        Reader reader(value, path);
        std::string name;
        std::optional<int> level;
        reader("name", name)("level", level).nothing_else();
        const std::optional<OutputKind> kind = formats::output_kind_from(name);
        if (!kind || output_name(*kind) != name) reader.wrong("'" + name + "' is not a format");
        const formats::Levels range = formats::levels(kind->packing);
        if (level && (kind->packing == formats::Compression::none || *level < range.lowest || *level > range.highest))
            reader.wrong(name + " has no level " + std::to_string(*level));
        into = *kind;
        into.level = level;
    }

private:
    explicit Reader(std::string path) : path_(std::move(path)) {}
    [[noreturn]] void wrong(const std::string& what) const {
        throw std::runtime_error("the plan: " + path_ + (path_.empty() ? "" : ": ") + what);
    }

    const json::object* object_ = nullptr;
    std::string path_;
    std::size_t known_ = 0;
};

}  // namespace

std::string private_json(const BuildPlan& plan) {
    BuildPlan copy = plan;
    return json::serialize(Writer::written(copy));
}

BuildPlan plan_from_json(std::string_view text) {
    json::error_code error;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error) throw std::runtime_error("the plan: is not JSON: " + error.message());
    BuildPlan plan;
    Reader::read(value, "", plan);
    return plan;
}

}  // namespace builders
