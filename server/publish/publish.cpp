// SPDX-License-Identifier: Apache-2.0
#include "server/publish/publish.hpp"

#include <boost/json.hpp>

#include "formats/base/file.hpp"
#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"
#include "server/publish/checksum_lists.hpp"
#include "server/publish/public_recipe.hpp"
#include "server/publish/signing_key.hpp"

namespace server::publish {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using formats::DigestKind;

// A small file of the release: written, synced, described.
catalog::Artifact add_file(const fs::path& folder, const std::string& name, const std::string& format,
                           std::span<const std::byte> bytes) {
    formats::write_whole_file(folder / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return {{},
            {},
            name,
            format,
            bytes.size(),
            formats::digest_hex(DigestKind::sha256, bytes),
            formats::digest_hex(DigestKind::md5, bytes),
            0,
            {},
            {}};
}

std::string list_of(const std::vector<catalog::Artifact>& artifacts, std::string catalog::Artifact::*digest) {
    std::vector<DigestAndName> files;
    for (const catalog::Artifact& artifact : artifacts) files.emplace_back(artifact.*digest, artifact.file_name);
    return checksum_list(files);
}

// "debian-12-20261121-pvhvm", then "debian-12-20261121.2-pvhvm" …
std::string free_name(const std::string& wanted, catalog::Catalog& catalog) {
    if (!catalog.release(wanted)) return wanted;
    std::size_t date = 0;
    const auto digit = [&](std::size_t at) { return at < wanted.size() && wanted[at] >= '0' && wanted[at] <= '9'; };
    for (std::size_t at = 0; at + 8 <= wanted.size(); ++at) {
        std::size_t length = 0;
        while (digit(at + length)) ++length;
        if (length == 8) date = at + 8;
        at += length;
    }
    if (date == 0) date = wanted.size();
    for (int number = 2;; ++number) {
        const std::string name = wanted.substr(0, date) + "." + std::to_string(number) + wanted.substr(date);
        if (!catalog.release(name)) return name;
    }
}

// A worker may have been taken over by what it built: its files are its out/ folder's, nothing else.
void require_plain(const std::string& file_name) {
    if (file_name.empty() || file_name.starts_with('.') || file_name.find('/') != std::string::npos)
        throw std::runtime_error("the worker's result names '" + file_name + "', which is not a plain file name");
}

// The worker named its files after the release it expected.
std::string renamed(const std::string& file_name, const std::string& from, const std::string& to) {
    return file_name.starts_with(from) ? to + file_name.substr(from.size()) : file_name;
}

// What is in the store and among the releases for a release that does not come to be goes again, so that a failure of
// the disk does not fill it.
struct Unpublished {
    store::Store& files;
    catalog::Catalog& rows;
    const fs::path &hidden, &folder;
    std::vector<std::string> stored{};  // digests of what was not there before
    bool over = false;

    ~Unpublished() {
        if (over) return;
        try {
            fs::remove_all(hidden);
            if (!rows.release(folder.filename())) fs::remove_all(folder);
            for (const std::string& digest : stored)
                if (!rows.refers_to(digest)) files.remove(digest);
        } catch (const std::exception&) {  // the next start sweeps it
        }
    }
};

}  // namespace

catalog::Release publish_release(const WorkerResult& result, catalog::Job job, const fs::path& job_folder,
                                 const fs::path& releases_folder, const SigningKey& key, store::Store& store,
                                 catalog::Catalog& catalog, const std::string& now) {
    require_plain(result.release_name);
    catalog::Release release{free_name(result.release_name, catalog), result.title, now, job.id, result.details, {}};
    const fs::path hidden = releases_folder / (".incoming-" + job.id), folder = releases_folder / release.name;
    fs::create_directories(releases_folder);
    fs::remove_all(hidden);
    fs::create_directory(hidden);
    Unpublished unpublished{store, catalog, hidden, folder};

    // Products of the worker: hard links, nothing is written twice.
    for (const Product& product : result.products) {
        require_plain(product.file_name);
        const std::string name = renamed(product.file_name, result.release_name, release.name);
        fs::create_hard_link(job_folder / "out" / product.file_name, hidden / name);
        release.artifacts.push_back({{},
                                     {},
                                     name,
                                     product.format,
                                     product.size,
                                     product.sha256,
                                     product.md5,
                                     product.image_size,
                                     product.image_sha256,
                                     product.image_md5});
    }
    if (!job.recipe.empty()) {  // a conversion has none
        const std::string recipe = public_recipe(job.recipe);
        release.artifacts.push_back(
            add_file(hidden, release.name + ".ks", "kickstart", std::as_bytes(std::span(recipe))));
    }

    // Checksum lists over all of them, each list signed.
    const std::string sha256 = list_of(release.artifacts, &catalog::Artifact::sha256);
    const std::string md5 = list_of(release.artifacts, &catalog::Artifact::md5);
    for (const auto& [name, text] : {std::pair{"SHA256SUMS", &sha256}, std::pair{"MD5SUMS", &md5}}) {
        release.artifacts.push_back(add_file(hidden, name, name, std::as_bytes(std::span(*text))));
        release.artifacts.push_back(
            add_file(hidden, std::string(name) + ".sig", "signature", key.sign(std::as_bytes(std::span(*text)))));
    }
    for (catalog::Artifact& artifact : release.artifacts) {
        artifact.id = artifact.sha256;
        artifact.release = release.name;
        if (!store.contains(artifact.sha256)) unpublished.stored.push_back(artifact.sha256);
        store.adopt(hidden / artifact.file_name, artifact.sha256);
    }
    formats::sync_folder(hidden);
    // From here on everything of the release is on the disk, under names that nobody is shown.

    fs::remove_all(folder);  // of an earlier life that died before its row
    fs::rename(hidden, folder);
    formats::sync_folder(releases_folder);
    job.state = catalog::JobState::done;
    job.finished = now;
    job.progress = 1;
    job.release = release.name;
    catalog.publish(release, job);  // the moment from which it can be seen
    unpublished.over = true;
    return release;
}

void write_result(const WorkerResult& result, const fs::path& file) {
    json::array products;
    for (const Product& p : result.products)
        products.push_back({{"file_name", p.file_name},
                            {"format", p.format},
                            {"size", p.size},
                            {"sha256", p.sha256},
                            {"md5", p.md5},
                            {"image_size", p.image_size},
                            {"image_sha256", p.image_sha256},
                            {"image_md5", p.image_md5}});
    const std::string text = json::serialize(json::object{{"release_name", result.release_name},
                                                          {"title", result.title},
                                                          {"details", json::parse(result.details)},
                                                          {"products", products}});
    formats::write_whole_file(file, text);
}

WorkerResult read_result(const fs::path& file) {
    const json::value parsed = json::parse(formats::read_whole_file(file));
    const json::object& object = parsed.as_object();
    const auto text = [](const json::object& from, const char* name) {
        return json::value_to<std::string>(from.at(name));
    };
    WorkerResult result{text(object, "release_name"), text(object, "title"), json::serialize(object.at("details")), {}};
    for (const json::value& value : object.at("products").as_array()) {
        const json::object& p = value.as_object();
        result.products.push_back({text(p, "file_name"), text(p, "format"), p.at("size").to_number<std::uint64_t>(),
                                   text(p, "sha256"), text(p, "md5"), p.at("image_size").to_number<std::uint64_t>(),
                                   text(p, "image_sha256"), text(p, "image_md5")});
    }
    return result;
}

}  // namespace server::publish
