// SPDX-License-Identifier: Apache-2.0
#pragma once
// Inputs that are http(s) addresses. Whoever types one may reach what this machine reaches, as with curl: the server
// named on the command line may have an inner address, those it redirects to may not (builders/network/redirects.hpp).
#include <filesystem>
#include <string>
#include <vector>

#include "builders/network/fetch.hpp"
#include "formats/base/file.hpp"

namespace CLI {
class App;
}

namespace cli {

struct UrlArguments {
    std::string sha256;                      // --sha256
    std::vector<std::string> allowed_hosts;  // --allow-host
    bool public_only = false;                // --public-only
    unsigned seconds = 0;                    // --timeout; 0: as long as it takes
    unsigned tries = 5;                      // --tries
    std::uint64_t most = 0;                  // --max-size; 0: as large as there is room
    bool quiet = false;
};
void add_url_options(CLI::App& command, UrlArguments& arguments);  // all of them but --sha256

bool is_url(const std::string& input);  // "http://…", "https://…"
std::string name_of_url(const std::string& url);

builders::network::FetchRequest request_of(const std::string& url, const UrlArguments& arguments);

struct FetchedInput {
    formats::File file;  // has no name any more: it ends with its last user
    std::string name;    // the address, for messages, with the file's ending
};
// Into a file in `folder`. Says where it came from and its digest on stderr. ^C ends it and leaves nothing.
FetchedInput fetch_input(const std::string& url, const UrlArguments& arguments, const std::filesystem::path& folder);

// Something small: a recipe.
std::string fetch_text_input(const std::string& url, const UrlArguments& arguments, std::uint64_t most);

}  // namespace cli
