// SPDX-License-Identifier: Apache-2.0
#include "client/remote_release.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <stdexcept>

#include "builders/network/fetch_answer.hpp"
#include "client/verify_signature.hpp"
#include "formats/stream/digest.hpp"

namespace client {
namespace {

namespace json = boost::json;

constexpr std::size_t most_files = 1000;

bool is_plain_name(const std::string& name) {
    return !name.empty() && builders::network::file_name_of("/" + name) == name;
}

RemoteFile read_file(const json::object& artifact) {
    const auto text = [&](const char* key) {
        const json::value* value = artifact.if_contains(key);
        if (!value || !value->is_string())
            throw std::runtime_error(std::string("the catalog's answer has a file without ") + key);
        return std::string(value->as_string());
    };
    RemoteFile file{text("file_name"), text("format"), text("sha256"), 0};
    if (!is_plain_name(file.name))
        throw std::runtime_error("the catalog names a file '" + file.name.substr(0, 80) +
                                 "', which is not a plain file name");
    if (!formats::is_sha256(file.sha256))
        throw std::runtime_error("the catalog's SHA-256 of " + file.name + " is '" + file.sha256.substr(0, 80) +
                                 "', not 64 hex digits");
    const json::value* size = artifact.if_contains("size");
    json::error_code wrong;
    if (size) file.size = size->to_number<std::uint64_t>(wrong);
    if (!size || wrong || file.size >> 62)
        throw std::runtime_error("the catalog's size of " + file.name + " is not a size");
    return file;
}

}  // namespace

std::vector<RemoteFile> read_remote_release(std::string_view text) {
    json::error_code wrong;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), wrong);
    const json::object* release = wrong ? nullptr : value.if_object();
    const json::value* list = release ? release->if_contains("artifacts") : nullptr;
    if (!list || !list->is_array()) throw std::runtime_error("the answer is not a release of a xenkiln catalog");
    if (list->as_array().size() > most_files)
        throw std::runtime_error("the release has " + std::to_string(list->as_array().size()) + " files, " +
                                 std::to_string(most_files) + " are the most");
    std::vector<RemoteFile> files;
    for (const json::value& artifact : list->as_array()) {
        if (!artifact.is_object()) throw std::runtime_error("the catalog's answer has a file that is not an object");
        RemoteFile file = read_file(artifact.as_object());
        for (const RemoteFile& other : files)
            if (other.name == file.name) throw std::runtime_error("the catalog names " + file.name + " twice");
        files.push_back(std::move(file));
    }
    return files;
}

std::map<std::string, std::string> read_sums(const std::string& text) {
    std::map<std::string, std::string> sums;
    for (std::size_t at = 0, number = 1; at < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.size() < 67 || !formats::is_sha256(std::string_view(line).substr(0, 64)) ||
            line.substr(64, 2) != "  " || !is_plain_name(line.substr(66)) ||
            !sums.emplace(line.substr(66), line.substr(0, 64)).second)
            throw std::runtime_error("SHA256SUMS: line " + std::to_string(number) +
                                     " is not 'DIGEST  NAME': " + line.substr(0, 80));
    }
    return sums;
}

SignedSums verify_sums(const std::vector<RemoteFile>& files, const std::string& public_pem,
                       const std::function<std::string(const std::string& name)>& read) {
    const auto has = [&](const std::string& name) {
        return std::any_of(files.begin(), files.end(), [&](const RemoteFile& file) { return file.name == name; });
    };
    SignedSums result;
    result.fingerprint = key_fingerprint(public_pem);
    for (const std::string list : {"SHA256SUMS", "MD5SUMS"}) {
        if (!has(list) && list == "MD5SUMS") continue;
        if (!has(list) || !has(list + ".sig"))
            throw std::runtime_error("the release has no " + list + (has(list) ? ".sig" : "") +
                                     ", so nothing vouches for its files");
        const std::string text = read(list), signature = read(list + ".sig");
        if (!verify_signature(public_pem, text, signature))
            throw std::runtime_error(list + ".sig is not a signature of " + list + " by the key with the fingerprint " +
                                     result.fingerprint);
        if (list == "SHA256SUMS") result.sha256 = read_sums(text);
        result.sha256[list] = formats::digest_hex(formats::DigestKind::sha256, text);
        result.sha256[list + ".sig"] = formats::digest_hex(formats::DigestKind::sha256, signature);
    }
    return result;
}

}  // namespace client
