// SPDX-License-Identifier: Apache-2.0
#include "kickstart/includes.hpp"

#include <algorithm>
#include <stdexcept>

#include "kickstart/lines.hpp"
#include "kickstart/words.hpp"

namespace kickstart {
namespace {

class Follower {
public:
    explicit Follower(const Bundle& bundle) : bundle_(bundle) {}

    FollowedText follow(std::string_view text, const std::string& file) {
        followed_.sources.files.push_back(file);
        stack_.push_back(path_in_bundle(file).value_or(file));
        add(text, 0);
        return std::move(followed_);
    }

private:
    void add(std::string_view text, int file) {
        if (file > 0 && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
        int number = 0;
        for (const TextLine& line : split_lines(text)) {
            ++number;
            const std::string_view word = first_word(line.text);
            const bool include = word == "%include" || (word == "%ksappend" && line.text.starts_with(word));
            const std::optional<std::string> path = include ? named(line) : std::nullopt;
            if (path && insert(*path, std::string(word), file, number)) continue;
            followed_.text += line.raw;
            // A file may end without a newline; what follows the include still begins a line of its own.
            if (file > 0 && line.raw.size() == line.text.size()) followed_.text += '\n';
            followed_.sources.lines.push_back({file, number});
        }
    }

    static std::optional<std::string> named(const TextLine& line) {
        const Words words = split_words(line.raw);
        if (!words.error.empty() || words.words.size() != 2) return std::nullopt;  // the parser says so
        return words.words[1].text;
    }

    // Whether the file now stands in the place of the line.
    bool insert(const std::string& path, const std::string& word, int file, int number) {
        const auto refuse = [&](const std::string& why) {
            const int here = static_cast<int>(followed_.sources.lines.size()) + 1;
            followed_.problems.push_back({here, 1, Severity::error, "include", word + " " + shown(path) + ": " + why});
            return false;
        };
        const std::string& from = stack_.back();
        const std::size_t slash = from.rfind('/');
        const std::string folder = slash == std::string::npos ? "" : from.substr(0, slash + 1);
        if (path.starts_with("/tmp/"))
            return refuse("is written by %pre while installing, and an image build has no installer");
        if (path.find("://") != std::string::npos) return refuse("is an address; only files of the bundle are read");
        if (path.starts_with('/')) return refuse("is an absolute path; only files of the bundle are read");
        const auto inside = path_in_bundle(folder + path);
        if (!inside) return refuse("leads out of the bundle");
        if (std::find(stack_.begin(), stack_.end(), *inside) != stack_.end())
            return refuse("the file includes itself: " + chain() + " → " + shown(*inside));
        if (stack_.size() > deepest_include)
            return refuse("files are included more than " + std::to_string(deepest_include) + " deep");
        if (++count_ > most_includes)
            return refuse("there are more than " + std::to_string(most_includes) + " includes");
        std::optional<std::string> text;
        try {
            text = bundle_.read(*inside);
        } catch (const std::runtime_error& error) {
            return refuse(error.what());
        }
        if (!text)
            return refuse("there is no file " + shown(*inside) + " in the bundle; " +
                          shown(followed_.sources.files[static_cast<std::size_t>(file)]) + " includes it in line " +
                          std::to_string(number));
        if (followed_.text.size() + text->size() > largest_followed)
            return refuse("all includes together have more than " + std::to_string(largest_followed) + " bytes");
        auto& files = followed_.sources.files;
        const auto known = std::find(files.begin(), files.end(), *inside);
        const int index = static_cast<int>(known - files.begin());
        if (known == files.end()) files.push_back(*inside);
        stack_.push_back(*inside);
        add(*text, index);
        stack_.pop_back();
        return true;
    }

    std::string chain() const {
        std::string names;
        for (const std::string& file : stack_) names += (names.empty() ? "" : " → ") + shown(file);
        return names;
    }

    const Bundle& bundle_;
    FollowedText followed_;
    std::vector<std::string> stack_;
    std::size_t count_ = 0;
};

}  // namespace

FollowedText follow_includes(std::string_view text, const std::string& file, const Bundle& bundle) {
    return Follower(bundle).follow(text, file);
}

}  // namespace kickstart
