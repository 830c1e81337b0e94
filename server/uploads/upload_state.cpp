// SPDX-License-Identifier: Apache-2.0
#include "server/uploads/upload_state.hpp"

#include <fcntl.h>

#include <boost/json.hpp>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "formats/base/whole_file.hpp"
#include "server/random_hex.hpp"

namespace server::uploads {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::size_t mark_length = 128;
constexpr std::uint64_t most_state = 256 * 1024;  // of upload.json: its headers had at most 32 KiB

std::string text_of(const fs::path& path) {
    const formats::File file = formats::File::open_read(path);
    if (file.size() > most_state)
        throw std::runtime_error(path.string() + " has " + std::to_string(file.size()) + " bytes, at most " +
                                 std::to_string(most_state) + " are right");
    std::string text(file.size(), '\0');
    file.read_at(0, std::as_writable_bytes(std::span(text)));
    return text;
}

}  // namespace

void write_mark(const formats::File& file, const Mark& mark) {
    std::string line = std::to_string(mark.received) + (mark.checked ? " checked " : " plain ") +
                       std::to_string(mark.used) + " " + mark.boot;
    line.resize(mark_length - 1, ' ');
    line += '\n';
    file.write_at(0, std::as_bytes(std::span(line)));
}

Mark read_mark(const fs::path& file) {
    std::istringstream line(text_of(file));
    Mark mark;
    std::string kind;
    if (!(line >> mark.received >> kind >> mark.used >> mark.boot) || (kind != "checked" && kind != "plain"))
        throw std::runtime_error(file.string() + " is not an upload's mark");
    mark.checked = kind == "checked";
    return mark;
}

Upload read_description(const fs::path& file) {
    try {
        const json::object object = json::parse(text_of(file)).as_object();
        Upload upload;
        upload.name = json::value_to<std::string>(object.at("name"));
        upload.size = json::value_to<std::uint64_t>(object.at("size"));
        upload.created = json::value_to<std::string>(object.at("created"));
        upload.metadata = json::value_to<std::string>(object.at("metadata"));
        return upload;
    } catch (const std::system_error&) {
        throw;
    } catch (const std::exception& error) {
        throw std::runtime_error(file.string() + " is not an upload's description: " + error.what());
    }
}

void write_description(const fs::path& path, const Upload& upload) {
    const std::string text =
        json::serialize(json::object{
            {"name", upload.name}, {"size", upload.size}, {"created", upload.created}, {"metadata", upload.metadata}}) +
        "\n";
    formats::write_whole_file(path, text, 0600);
}

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    // Without one, no other life's bytes are trusted beyond their mark.
    return file >> id && id.size() <= 64 ? id : random_hex(16);
}

formats::File open_write(const fs::path& path) {
    formats::File file(::open(path.c_str(), O_RDWR | O_CLOEXEC), path.string());
    if (file.descriptor() < 0) throw std::system_error(errno, std::generic_category(), "open " + path.string());
    return file;
}

}  // namespace server::uploads
