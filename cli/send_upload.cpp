// SPDX-License-Identifier: Apache-2.0
#include "cli/send_upload.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "cli/progress_line.hpp"
#include "cli/upload_state.hpp"
#include "client/tus_client.hpp"
#include "formats/base/file.hpp"

namespace cli {
namespace {

using client::TusClient;
using client::UploadBroken;
using namespace std::chrono_literals;

constexpr std::uint64_t chunk_size = 8 << 20;  // what a break costs: a chunk counts when its checksum is right
constexpr int most_tries = 10;                 // without a byte of progress, two minutes or so
constexpr auto first_pause = 250ms, longest_pause = 30000ms;

struct Version {
    std::uint64_t size = 0;
    std::int64_t changed = 0;  // nanoseconds
    bool operator==(const Version&) const = default;
};

Version version_of(const formats::File& file) {
    struct stat status {};
    if (::fstat(file.descriptor(), &status) != 0)
        throw std::system_error(errno, std::generic_category(), "stat " + file.name());
    if (!S_ISREG(status.st_mode)) throw std::runtime_error(file.name() + " is not a regular file");
    return {static_cast<std::uint64_t>(status.st_size),
            std::int64_t{status.st_mtim.tv_sec} * 1000000000 + status.st_mtim.tv_nsec};
}

// Calls `step` until it gets through. `progress` tells how far we are: only tries without any are counted.
template <class Step, class Progress>
auto persistently(const Step& step, const Progress& progress) {
    auto pause = std::chrono::milliseconds(first_pause);
    std::uint64_t before = progress();
    for (int tries = 1;; ++tries) try {
            return step();
        } catch (const UploadBroken& broken) {
            if (progress() != before) {
                tries = 1;
                pause = first_pause;
                before = progress();
            }
            if (tries >= most_tries)
                throw std::runtime_error(std::string(broken.what()) + "; tried " + std::to_string(tries) +
                                         " times. Run the same command again to go on");
            std::fprintf(stderr, "%s; trying again in %.1f s\n", broken.what(),
                         std::chrono::duration<double>(pause).count());
            std::this_thread::sleep_for(pause);
            pause = std::min<std::chrono::milliseconds>(pause * 2, longest_pause);
        }
}

void send(TusClient& client, const UploadState& state, const formats::File& file, const Version& version,
          const std::string& id) {
    std::uint64_t done = 0;
    std::vector<std::byte> chunk;
    std::optional<std::uint64_t> begin;
    ProgressLine line(::isatty(STDERR_FILENO) == 1);
    persistently(
        [&] {
            auto offset = client.offset(id);
            if (!offset)
                throw std::runtime_error(client.address(id) + " is gone; run the same command again to begin anew");
            if (*offset > version.size)
                throw std::runtime_error(client.address(id) + " has " + std::to_string(*offset) + " bytes, " +
                                         file.name() + " has " + std::to_string(version.size));
            if (!begin && *offset > 0)
                std::fprintf(stderr, "going on at %llu of %llu bytes\n", static_cast<unsigned long long>(*offset),
                             static_cast<unsigned long long>(version.size));
            if (!begin) begin = *offset;
            const auto show = [&](std::uint64_t now) { line.show(now, version.size, now - std::min(now, *begin)); };
            for (done = *offset; done < version.size;) {
                chunk.resize(std::min(chunk_size, version.size - done));
                file.read_at(done, chunk);
                done = client.send(id, done, chunk, [&](std::uint64_t sent) { show(done + sent); });
                show(done);
            }
        },
        [&] { return done; });
    line.clear();
    if (version_of(file) != version) {
        state.forget();
        throw std::runtime_error(file.name() + " was changed while it was being sent; upload " + id + " is of no use");
    }
}

}  // namespace

int send_upload(const std::string& path, const std::string& server, const std::string& name) try {
    const formats::File file = formats::File::open_read(path);
    const Version version = version_of(file);
    TusClient client(server);
    const UploadState state(server, path, version.size, version.changed);
    const auto nothing = [] { return std::uint64_t{0}; };
    std::string id = state.id().value_or("");
    if (!id.empty() && !persistently([&] { return client.offset(id); }, nothing)) {
        std::fprintf(stderr, "%s is gone; beginning anew\n", client.address(id).c_str());
        state.forget();
        id.clear();
    }
    if (id.empty()) {
        id = persistently([&] { return client.create(name, version.size); }, nothing);
        state.keep(id);
    }
    send(client, state, file, version, id);
    state.forget();
    std::cout << "id: " << id << "\naddress: " << client.address(id) << std::endl;
    return 0;
} catch (const std::exception& error) {
    std::cerr << "xenkiln upload: " << error.what() << "\n";
    return 1;
}

}  // namespace cli
