// SPDX-License-Identifier: Apache-2.0
#include "server/publish/publish.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <vector>

#include "formats/base/file.hpp"
#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"
#include "kickstart/secrets.hpp"
#include "server/publish/signing_key.hpp"
#include "worker/checksum_lists.hpp"
#include "worker/worker_file.hpp"

namespace server::publish {
namespace {

namespace fs = std::filesystem;
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
    std::vector<worker::DigestAndName> files;
    for (const catalog::Artifact& artifact : artifacts) files.emplace_back(artifact.*digest, artifact.file_name);
    return worker::checksum_list(files);
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

// Opened, measured, and as the result says, in its order.
std::vector<formats::File> open_products(const worker::WorkerResult& result, const fs::path& out,
                                         const fs::path& spare) {
    const formats::File folder = worker::open_folder(out);
    std::vector<formats::File> files;
    for (const worker::Product& product : result.products)
        files.push_back(worker::open_product(folder, product.file_name, spare));
    const std::vector<worker::Measured> measured = worker::measure(files);
    for (std::size_t i = 0; i < files.size(); ++i) {
        const worker::Product& said = result.products[i];
        const std::string which = "the worker's result says that " + said.file_name + " has ";
        if (measured[i].size != said.size)
            throw std::runtime_error(which + std::to_string(said.size) + " bytes; it has " +
                                     std::to_string(measured[i].size));
        if (measured[i].sha256 != said.sha256)
            throw std::runtime_error(which + "the SHA-256 " + said.sha256.hex() + "; it has " +
                                     measured[i].sha256.hex());
        if (measured[i].md5 != said.md5)
            throw std::runtime_error(which + "the MD5 " + said.md5.hex() + "; it has " + measured[i].md5.hex());
        worker::require_sealed(files[i]);
    }
    return files;
}

// What a release that does not come to be has put into the store and its folders goes again: a failure of the disk must
// not fill it.
class Unfinished {
public:
    Unfinished(fs::path hidden, fs::path folder, store::Store& store, catalog::Catalog& catalog)
        : hidden_(std::move(hidden)), folder_(std::move(folder)), store_(store), catalog_(catalog) {}
    Unfinished(const Unfinished&) = delete;
    ~Unfinished() {
        if (!finished_) undo();
    }
    void adopt(const formats::File& file, const formats::Sha256& digest) {
        if (store_.adopt(file, digest)) added_.push_back(digest);
    }
    void moved(const fs::path& folder) { folder_ = folder; }
    void finish() { finished_ = true; }

private:
    void undo() noexcept try {
        if (catalog_.release(folder_.filename())) return;  // its row is there, whatever was thrown after it
        fs::remove_all(hidden_);
        fs::remove_all(folder_);
        for (const formats::Sha256& digest : added_)
            if (!catalog_.refers_to(digest.hex())) store_.remove(digest);
    } catch (const std::exception&) {
        // The next start of the service sweeps what is left.
    }

    fs::path hidden_, folder_;
    store::Store& store_;
    catalog::Catalog& catalog_;
    std::vector<formats::Sha256> added_;
    bool finished_ = false;
};

}  // namespace

catalog::Release publish_release(const worker::WorkerResult& result, const worker::Asked& asked, catalog::Job job,
                                 const fs::path& job_folder, const fs::path& releases_folder, const SigningKey& key,
                                 store::Store& store, catalog::Catalog& catalog, const std::string& now) {
    worker::require_asked(result, asked);
    catalog::Release release{free_name(asked.release_name, catalog), result.title, now, job.id, result.details, {}};
    const fs::path hidden = releases_folder / (".incoming-" + job.id), folder = releases_folder / release.name;
    fs::create_directories(releases_folder);
    fs::remove_all(hidden);
    Unfinished unfinished(hidden, folder, store, catalog);
    fs::create_directory(hidden);

    // Products of the worker: hard links to what was opened, nothing is written twice.
    const std::vector<formats::File> files = open_products(result, job_folder / "out", hidden);
    for (std::size_t i = 0; i < files.size(); ++i) {
        const worker::Product& product = result.products[i];
        const std::string name = worker::product_name(release.name, product.format);
        unfinished.adopt(files[i], product.sha256);
        fs::create_hard_link(store.path(product.sha256), hidden / name);
        release.artifacts.push_back({{},
                                     {},
                                     name,
                                     product.format,
                                     product.size,
                                     product.sha256.hex(),
                                     product.md5.hex(),
                                     product.image_size,
                                     product.image_sha256 ? product.image_sha256->hex() : "",
                                     product.image_md5 ? product.image_md5->hex() : ""});
    }
    const std::size_t of_the_worker = release.artifacts.size();
    if (!job.recipe.empty()) {  // a conversion has none
        const std::string recipe = kickstart::public_text(job.recipe);
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
    for (std::size_t i = 0; i < release.artifacts.size(); ++i) {
        catalog::Artifact& artifact = release.artifacts[i];
        artifact.id = artifact.sha256;
        artifact.release = release.name;
        if (i >= of_the_worker)
            unfinished.adopt(formats::File::open_read(hidden / artifact.file_name),
                             formats::Sha256::of(artifact.sha256, artifact.file_name));
    }
    formats::sync_folder(hidden);
    // From here on everything of the release is on the disk, under names that nobody is shown.

    fs::remove_all(folder);  // of an earlier life that died before its row
    fs::rename(hidden, folder);
    unfinished.moved(folder);
    formats::sync_folder(releases_folder);
    job.state = catalog::JobState::done;
    job.finished = now;
    job.progress = 1;
    job.release = release.name;
    catalog.publish(release, job);  // the moment from which it can be seen
    unfinished.finish();
    return release;
}

}  // namespace server::publish
