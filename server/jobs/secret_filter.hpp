// SPDX-License-Identifier: Apache-2.0
#pragma once
// Known secret values (kickstart/secrets.hpp) taken out of what a worker says, before anybody can read it: each
// place where one stands becomes "(removed)". Searches values, never words like "password". A value of fewer than
// least_secret bytes is left: it would be found everywhere, and tell by that where it is. What a script changes before
// it prints it (base64, one letter a line) is not found.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "server/catalog/catalog.hpp"

namespace server::jobs {

constexpr std::size_t least_secret = 4;

class SecretFilter {
public:
    SecretFilter() = default;
    explicit SecretFilter(const std::vector<std::string>& secrets);

    // Places that overlap are one.
    std::string masked(std::string_view text) const;

    // A text that comes in parts: a value may stand on both sides of a seam, however many. What could be the beginning
    // of one is kept back until the line ends or more has come.
    class Stream {
    public:
        explicit Stream(const SecretFilter& filter) : filter_(filter) {}  // the filter must outlive it
        std::string take(std::string_view part);
        std::string rest();

    private:
        const SecretFilter& filter_;
        std::string held_;
        std::size_t covered_ = 0;  // bytes at the beginning of held_ that belong to a secret told already
    };

private:
    std::size_t longest_at(std::string_view text) const;
    // Appends to `out`; returns how many bytes were dealt with: all when `last`.
    std::size_t mask(std::string_view text, bool last, std::size_t& covered, std::string& out) const;

    std::vector<std::string> values_;  // without line ends: a log is lines
    std::array<bool, 256> begins_{};   // bytes that one begins with
    std::size_t longest_ = 0;
};

// The secrets of a recipe's text, and the credentials among them in every way that they may be said.
SecretFilter filter_of(const std::string& recipe);
// The secrets of a job's recipe, and of the address that a conversion fetches.
SecretFilter filter_of(const catalog::Job& job);

}  // namespace server::jobs
