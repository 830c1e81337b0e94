// SPDX-License-Identifier: Apache-2.0
#include "kickstart/words.hpp"

#include <algorithm>
#include <numeric>

namespace kickstart {
namespace {

// Where the run of characters ends that mean only themselves.
std::size_t plain_end(std::string_view line, std::size_t at) {
    for (; at < line.size(); ++at) switch (line[at]) {
            case ' ':
            case '\t':
            case '\r':
            case '\n':
            case '#':
            case '\\':
            case '\'':
            case '"':
                return at;
        }
    return at;
}

}  // namespace

Words split_words(std::string_view line) {
    Words result;
    std::string word;
    bool inside = false;  // a word has begun, though it may be empty ("")
    int begin = 0;
    const auto start = [&](std::size_t at) {
        if (!inside) begin = static_cast<int>(at) + 1;
        inside = true;
    };
    const auto finish = [&](std::size_t at) {
        if (inside) result.words.push_back({word, begin, static_cast<int>(at) + 1});
        word.clear();
        inside = false;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            finish(i);
        } else if (c == '#') {
            finish(i);
            break;
        } else if (c == '\\') {
            start(i);
            if (i + 1 == line.size()) {
                result.error = "No escaped character";
                result.error_column = static_cast<int>(i) + 1;
                return result;
            }
            word += line[++i];
        } else if (c == '\'' || c == '"') {
            start(i);
            const std::size_t opened = i;
            for (++i; i < line.size() && line[i] != c; ++i) {
                // Within double quotes a backslash escapes only itself and the quote.
                if (c == '"' && line[i] == '\\' && i + 1 < line.size() && (line[i + 1] == '"' || line[i + 1] == '\\'))
                    ++i;
                word += line[i];
            }
            if (i >= line.size()) {
                result.error = "No closing quotation";
                result.error_column = static_cast<int>(opened) + 1;
                return result;
            }
        } else {
            start(i);
            const std::size_t end = plain_end(line, i);
            word += line.substr(i, end - i);
            i = end - 1;
        }
    }
    finish(line.size());
    return result;
}

std::vector<WordByte> bytes_of(std::string_view line, const Word& word) {
    std::vector<WordByte> bytes;
    bytes.reserve(word.text.size());
    char quote = 0;
    const auto end = static_cast<std::size_t>(word.end) - 1;
    for (auto at = static_cast<std::size_t>(word.column) - 1; at < end; ++at) {
        const char c = line[at];
        const bool escapable =
            quote == 0 || (quote == '"' && at + 1 < end && (line[at + 1] == '"' || line[at + 1] == '\\'));
        if (c == quote && quote != 0) {
            quote = 0;
        } else if (quote == 0 && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && escapable && at + 1 < end) {
            bytes.push_back({at, at + 2, quote});
            ++at;
        } else {
            bytes.push_back({at, at + 1, quote});
        }
    }
    return bytes;
}

std::string closest(std::string_view word, const std::vector<std::string>& known) {
    std::string best;
    std::size_t best_distance = word.size() / 3 + 2;
    if (word.size() > 64) return best;
    std::vector<std::size_t> row;
    for (const std::string& candidate : known) {
        row.resize(candidate.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 1; i <= word.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i;
            for (std::size_t j = 1; j <= candidate.size(); ++j) {
                const std::size_t above = row[j];
                row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1)});
                diagonal = above;
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

}  // namespace kickstart
