// SPDX-License-Identifier: Apache-2.0
#include "cli/url_input.hpp"

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "builders/network/fetch_answer.hpp"
#include "cli/image_arguments.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress_line.hpp"
#include "formats/base/text.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
namespace network = builders::network;

// Gone with all that is in it.
struct SpoolFolder {
    explicit SpoolFolder(const fs::path& parent) {
        std::string place = (parent / "xenkiln-fetch-XXXXXX").string();
        if (!::mkdtemp(place.data()))
            throw std::system_error(errno, std::generic_category(), "make a folder in " + parent.string());
        path = place;
    }
    SpoolFolder(const SpoolFolder&) = delete;
    SpoolFolder& operator=(const SpoolFolder&) = delete;
    ~SpoolFolder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    fs::path path;
};

}  // namespace

void add_url_options(CLI::App& command, UrlArguments& arguments) {
    command
        .add_option("--allow-host", arguments.allowed_hosts,
                    "HOST or HOST:PORT that a URL may redirect to although its address is not public; repeatable")
        ->allow_extra_args(false);
    command.add_flag("--public-only", arguments.public_only,
                     "Refuse a URL whose own address is not public, too: for addresses that somebody else chose");
    command.add_option("--timeout", arguments.seconds, "Most seconds that fetching a URL may take (no limit)");
    command.add_option("--tries", arguments.tries, "Tries in a row that may bring nothing new of a URL")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    command.add_option("--max-size", arguments.most, "Refuse a file from a URL that is larger: 100GiB (no limit)")
        ->transform(CLI::AsSizeValue(false));
}

bool is_url(const std::string& input) {
    const std::string start = formats::lower(input.substr(0, 8));
    return start.starts_with("http://") || start == "https://";
}

std::string name_of_url(const std::string& url) {
    const auto target = network::target_of(url);
    return target ? network::file_name_of(target->path) : "download";
}

network::FetchRequest request_of(const std::string& url, const UrlArguments& arguments) {
    network::FetchRequest request;
    request.url = url;
    request.sha256 = arguments.sha256;
    request.allowed_hosts = arguments.allowed_hosts;
    request.time = std::chrono::seconds(arguments.seconds);
    request.tries = arguments.tries;
    request.max_bytes = arguments.most;
    request.trusted_address = !arguments.public_only;
    request.proxies = network::Proxies::of_environment();
    return request;
}

FetchedInput fetch_input(const std::string& url, const UrlArguments& arguments, const fs::path& folder) {
    const SpoolFolder spool(folder);
    const InterruptsBlocked blocked;
    network::FetchRequest request = request_of(url, arguments);
    request.file = spool.path / name_of_url(url);
    ProgressLine line(!arguments.quiet && ::isatty(STDERR_FILENO) == 1);
    request.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total) { line.show(done, total, done); };
    std::stop_source stop;
    const Interrupt interrupt([&] { stop.request_stop(); });
    const network::Fetched fetched = network::fetch(request, stop.get_token());
    line.clear();
    if (!arguments.quiet)
        std::cerr << "note: fetched " << fetched.size << " bytes from " << fetched.final_url << " into "
                  << folder.string() << ", SHA-256 " << fetched.sha256 << "\n";
    std::string name = network::printable(*network::target_of(url));
    return {formats::File::open_read(request.file), name.substr(0, name.find('?'))};
}

std::string fetch_text_input(const std::string& url, const UrlArguments& arguments, std::uint64_t most) {
    const InterruptsBlocked blocked;
    network::FetchRequest request = request_of(url, arguments);
    request.max_bytes = most;
    std::stop_source stop;
    const Interrupt interrupt([&] { stop.request_stop(); });
    return network::fetch_text(request, stop.get_token());
}

}  // namespace cli
