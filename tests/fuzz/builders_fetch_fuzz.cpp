// SPDX-License-Identifier: Apache-2.0
// Any bytes as an address and as the headers of an answer: refused, or understood within bounds.
#include "builders/network/fetch_answer.hpp"
#include "builders/network/fetch_errors.hpp"
#include "formats/base/text.hpp"

using namespace builders::network;

namespace {

void require(bool good) {
    if (!good) __builtin_trap();
}

Head head_of(std::string_view text) {
    Head head;
    head.status = text.empty() || text[0] % 2 == 0 ? 206 : 200;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        head.headers.emplace_back(formats::lower(line.substr(0, colon)), line.substr(colon + 1));
    }
    return head;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string name = file_name_of(text);
    require(!name.empty() && name.size() <= 200 && name[0] != '.' && name.find('/') == std::string::npos);
    require(file_name_of("/" + name) == name);
    if (const auto target = target_of(text)) {
        const auto again = target_of(to_url(*target));
        require(again && to_url(*again) == to_url(*target));
        require(printable(*target).find('@') == std::string::npos || target->path.find('@') != std::string::npos);
    }
    if (const auto range = parse_content_range(text))
        require(range->first <= range->last && (!range->total || *range->total > range->last));
    static const Origin from = *target_of("https://m.example/disk.qcow2");
    const Head head = head_of(text);
    for (const std::optional<std::uint64_t> asked : {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(5)}) {
        try {
            const Answer answer = read_answer(head, from, asked, text.size() % 2 == 0);
            require(answer.offset == 0 || answer.offset == asked);
            require(!answer.total || *answer.total >= answer.offset);
            require(answer.validator.find('\n') == std::string::npos && answer.validator.size() <= 512);
        } catch (const FetchRefused&) {
        } catch (const FetchFailed&) {
        }
    }
    return 0;
}
