// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "builders/network/fetch_answer.hpp"
#include "cli/commands.hpp"
#include "cli/image_arguments.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress_line.hpp"
#include "client/remote_release.hpp"
#include "formats/base/file.hpp"
#include "formats/stream/digest.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
using namespace client;
namespace network = builders::network;

constexpr std::uint64_t most_text = 4 << 20;  // of a catalog answer, a list, a signature, a key

struct Wish {
    std::string release, server, key;
    std::vector<std::string> formats;
    fs::path to = ".";
    bool verify = false, replace = false;
    unsigned jobs = 4;
    UrlArguments url;
};

std::string digest_of(const fs::path& path) {
    const formats::File file = formats::File::open_read(path);
    formats::Digest digest(formats::DigestKind::sha256);
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (const std::size_t got = file.read(buffer)) digest.update(std::span(buffer).first(got));
    return digest.finish_hex();
}

class Download {
public:
    Download(const Wish& wish, const std::stop_token& stop) : wish_(wish), stop_(stop), server_(wish.server) {
        if (!is_url(server_)) throw std::invalid_argument("--server " + server_ + " is not an http(s) address");
        while (server_.ends_with('/')) server_.pop_back();
        if (!network::origin_of(server_ + "/", false))
            throw std::invalid_argument("--server " + server_ + " is not a plain http(s) address");
        if (wish.release.empty() || network::file_name_of("/" + wish.release) != wish.release)
            throw std::invalid_argument("'" + wish.release + "' is not the name of a release");
    }

    void run() {
        const std::vector<RemoteFile> all = read_remote_release(text("/v1/releases/" + wish_.release));
        std::vector<RemoteFile> files = chosen(all);
        if (wish_.verify) vouch(files, all);
        fs::create_directories(wish_.to);
        std::erase_if(files, [&](const RemoteFile& file) { return is_here(file); });
        for (const RemoteFile& file : files) total_ += file.size;
        require_room();
        for (const RemoteFile& file : files) bring(file);
        line_.clear();
    }

private:
    std::string text(const std::string& path) const {
        network::FetchRequest request = request_of(server_ + path, wish_.url);
        request.max_bytes = most_text;
        return network::fetch_text(request, stop_);
    }
    std::string path_of(const std::string& name) const { return "/download/" + wish_.release + "/" + name; }

    std::vector<RemoteFile> chosen(const std::vector<RemoteFile>& all) const {
        if (wish_.formats.empty()) return all;
        std::vector<RemoteFile> files;
        for (const std::string& format : wish_.formats) {
            const std::size_t before = files.size();
            std::copy_if(all.begin(), all.end(), std::back_inserter(files),
                         [&](const RemoteFile& file) { return file.format == format; });
            if (files.size() > before) continue;
            std::string known;
            for (const RemoteFile& file : all) known += (known.empty() ? "" : ", ") + file.format;
            throw std::runtime_error("release " + wish_.release + " has no file of the format " + format +
                                     "; it has: " + known);
        }
        return files;
    }

    // From here on a file's digest is what the signature says.
    void vouch(const std::vector<RemoteFile>& files, const std::vector<RemoteFile>& all) const {
        std::string pem;
        if (wish_.key.empty()) {
            pem = text("/keys/signing.pem");
        } else {
            std::ifstream file(wish_.key, std::ios::binary);
            if (!file) throw std::runtime_error("cannot read " + wish_.key);
            pem.assign(std::istreambuf_iterator<char>(file), {});
        }
        const SignedSums sums = verify_sums(all, pem, [this](const std::string& name) { return text(path_of(name)); });
        for (const RemoteFile& file : files) {
            const auto found = sums.sha256.find(file.name);
            if (found == sums.sha256.end()) throw std::runtime_error(file.name + " is not in the signed SHA256SUMS");
            if (found->second != file.sha256)
                throw std::runtime_error(file.name + ": the signed SHA-256 is " + found->second + ", the catalog's " +
                                         file.sha256);
        }
        std::cerr << "note: SHA256SUMS is signed by the key with the fingerprint " << sums.fingerprint
                  << (wish_.key.empty() ? ", which came from the same server; --key FILE pins it\n" : "\n");
    }

    bool is_here(const RemoteFile& file) const {
        const fs::path path = wish_.to / file.name;
        if (!fs::exists(path)) return false;
        if (fs::is_regular_file(path) && fs::file_size(path) == file.size && digest_of(path) == file.sha256) {
            std::cerr << "note: " << path.string() << " is here already\n";
            return true;
        }
        if (!wish_.replace)
            throw std::runtime_error(path.string() + " is there already and is another file; --replace overwrites it");
        return false;
    }

    fs::path partial_of(const RemoteFile& file) const { return wish_.to / ("." + file.name + ".part"); }

    void require_room() const {
        const std::uint64_t free = fs::space(fs::absolute(wish_.to)).available;
        if (total_ > free)
            throw std::system_error(ENOSPC, std::generic_category(),
                                    "release " + wish_.release + ": " + std::to_string(total_) +
                                        " bytes are to come, and " + wish_.to.string() + " has " +
                                        std::to_string(free) + " left");
    }

    void bring(const RemoteFile& file) {
        network::FetchRequest request = request_of(server_ + path_of(file.name), wish_.url);
        request.file = partial_of(file);
        request.sha256 = file.sha256;
        request.max_bytes = file.size;
        request.connections = wish_.jobs;
        std::optional<std::uint64_t> begin;
        request.progress = [&](std::uint64_t done, std::optional<std::uint64_t>) {
            if (!begin) begin = done;
            line_.show(done_ + done, total_, moved_ + (done - std::min(done, *begin)));
        };
        const network::Fetched fetched = network::fetch(request, stop_);
        done_ += fetched.size;
        moved_ += fetched.size - std::min(fetched.size, begin.value_or(0));
        formats::File::open_read(request.file).sync();
        fs::rename(request.file, wish_.to / file.name);
        formats::sync_folder(wish_.to);
        line_.clear();
        std::cout << (wish_.to / file.name).string() << std::endl;
    }

    const Wish& wish_;
    const std::stop_token stop_;
    std::string server_;
    std::uint64_t total_ = 0, done_ = 0, moved_ = 0;
    ProgressLine line_{!wish_.url.quiet && ::isatty(STDERR_FILENO) == 1};
};

}  // namespace

void add_download(CLI::App& program, int& exit_code) {
    auto wish = std::make_shared<Wish>();
    CLI::App* command = program.add_subcommand(
        "download",
        "The files of a release from a xenkiln catalog; each has its name only when it is whole and right.");
    command->add_option("release", wish->release, "Name of the release")->required();
    command->add_option("--server", wish->server, "Address of the service, such as http://kiln.example.org:8080")
        ->required();
    command->add_option("--to", wish->to, "Folder for the files (the working folder)");
    command->add_option("--format", wish->formats, "Only files of this format, such as xva.xz; repeatable")
        ->allow_extra_args(false);
    command->add_flag("--verify", wish->verify, "Check the signature of SHA256SUMS and each file against it");
    command->add_option("--key", wish->key, "With --verify: the public key in PEM, instead of the server's own word");
    command->add_option("--jobs", wish->jobs, "Connections for one large file")
        ->check(CLI::Range(1, 16))
        ->capture_default_str();
    command->add_flag("--replace", wish->replace, "Overwrite files that are there and differ");
    command->add_flag("--quiet", wish->url.quiet, "No progress");
    add_url_options(*command, wish->url);
    command->callback([wish, &exit_code] {
        exit_code = run_command("download", [&] {
            if (!wish->key.empty() && !wish->verify) throw std::invalid_argument("--key goes with --verify");
            const InterruptsBlocked blocked;
            std::stop_source stop;
            const Interrupt interrupt([&] { stop.request_stop(); });
            Download(*wish, stop.get_token()).run();
            return 0;
        });
    });
}

}  // namespace cli
