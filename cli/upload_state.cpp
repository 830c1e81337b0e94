// SPDX-License-Identifier: Apache-2.0
#include "cli/upload_state.hpp"

#include <sys/stat.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr auto kept = std::chrono::hours(30 * 24);  // no service keeps an unfinished upload longer

fs::path folder() {
    const char* state = std::getenv("XDG_STATE_HOME");
    const char* home = std::getenv("HOME");
    return fs::path(state && *state ? state : std::string(home ? home : ".") + "/.local/state") / "xenkiln" / "uploads";
}

void forget_old(const fs::path& folder) {
    std::error_code wrong;
    for (const auto& entry : fs::directory_iterator(folder, wrong))
        if (fs::file_time_type::clock::now() - entry.last_write_time(wrong) > kept && !wrong)
            fs::remove(entry.path(), wrong);
}

}  // namespace

UploadState::UploadState(const std::string& server, const fs::path& file, std::uint64_t size,
                         std::int64_t changed_nanoseconds)
    : key_(json::serialize(json::object{{"server", server},
                                        {"path", fs::absolute(file).lexically_normal().string()},
                                        {"size", size},
                                        {"changed", changed_nanoseconds}})),
      file_(folder() / (formats::digest_hex(formats::DigestKind::sha256, key_) + ".json")) {
    forget_old(file_.parent_path());
}

std::optional<std::string> UploadState::id() const {
    std::ifstream file(file_);
    std::stringstream text;
    text << file.rdbuf();
    json::error_code wrong;
    const json::value value = json::parse(text.str(), wrong);
    const json::object* object = wrong ? nullptr : value.if_object();
    const json::value* id = object ? object->if_contains("upload") : nullptr;
    if (!id || !id->is_string()) return std::nullopt;
    return json::value_to<std::string>(*id);
}

void UploadState::keep(const std::string& id) const {
    fs::create_directories(file_.parent_path());
    ::chmod(file_.parent_path().c_str(), 0700);
    json::object object = json::parse(key_).as_object();
    object["upload"] = id;
    const std::string text = json::serialize(object) + "\n";
    formats::write_whole_file(file_, text, 0600);
}

void UploadState::forget() const {
    fs::remove(file_);
}

}  // namespace cli
