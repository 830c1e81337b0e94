// SPDX-License-Identifier: Apache-2.0
// The kickstarts of tests/data/kickstart, one for each rule. Comments in them say what is expected:
//   #at LEVEL[ forgiving]: ok                                no error and no warning
//   #at LEVEL: error LINE: TEXT | warning LINE: TEXT         these and no others; TEXT is a part of the message
//   #guess LEVEL                                             the level that is taken when none is asked for
//   #json LEVEL: TEXT                                        a part of the canonical form
//   #lint LINE RULE     #lint LINE none                      a finding of lint; nothing but notes in that line
//   #hidden TEXT                                             never printed by lint
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "kickstart/json.hpp"
#include "kickstart/lint.hpp"
#include "kickstart/render.hpp"
#include "tests/kickstart/essence.hpp"

namespace {

namespace fs = std::filesystem;
using kickstart::ParseResult;
using testing::HasSubstr;

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> files() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(fs::path(XENKILN_SOURCE_DIR) / "tests/data/kickstart"))
        if (entry.path().extension() == ".ks") found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
}

std::string told(const ParseResult& result) {
    std::string text;
    for (const auto& d : result.diagnostics)
        text += (d.severity == kickstart::Severity::error ? "  error " : "  warning ") + std::to_string(d.line) + ": " +
                d.message + "\n";
    return text.empty() ? "  ok\n" : text;
}

// Every expected line has its diagnostic, and there is no other.
void expect(const ParseResult& result, const std::string& expected) {
    std::vector<std::string> left;
    for (const auto& d : result.diagnostics)
        left.push_back((d.severity == kickstart::Severity::error ? "error " : "warning ") + std::to_string(d.line) +
                       ": " + d.message);
    for (std::string rest = expected == "ok" ? "" : expected; !rest.empty();) {
        const std::size_t bar = rest.find(" | ");
        const std::string part = rest.substr(0, bar);
        rest.erase(0, bar == std::string::npos ? bar : bar + 3);
        const std::size_t colon = part.find(": ");
        const auto found = std::find_if(left.begin(), left.end(), [&](const std::string& one) {
            return one.starts_with(part.substr(0, colon + 2)) && one.find(part.substr(colon + 2)) != std::string::npos;
        });
        if (found == left.end())
            ADD_FAILURE() << "not said: " << part << "\nsaid:\n" << told(result);
        else
            left.erase(found);
    }
    for (const std::string& one : left) ADD_FAILURE() << "not expected: " << one;
}

void check_lint(const fs::path& path, const std::string& text, int line, const std::string& rule) {
    bool found = false;
    for (const auto& finding : kickstart::lint(text, path.filename().string()).findings) {
        if (finding.line != line) continue;
        found = found || finding.rule == rule;
        if (rule == "none") {
            EXPECT_EQ(finding.weight, kickstart::Finding::Weight::note) << finding.message;
        }
    }
    EXPECT_TRUE(found || rule == "none") << "no finding " << rule << " in line " << line << "\n"
                                         << lint_text(kickstart::lint(text, path.filename().string()));
}

class Corpus : public testing::TestWithParam<fs::path> {};

TEST_P(Corpus, is_read_as_it_says) {
    const std::string text = content(GetParam());
    int expectations = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        begin = end + 1;
        SCOPED_TRACE(line);
        std::istringstream words(line);
        std::string word, level;
        words >> word >> level;
        const bool forgiving =
            level + " forgiving:" == line.substr(std::min(line.size(), word.size() + 1), level.size() + 11);
        const std::size_t colon = line.find(": ");
        const std::string expected = colon == std::string::npos ? "" : line.substr(colon + 2);
        if (level.ends_with(':')) level.pop_back();
        ++expectations;
        if (word == "#at") {
            expect(kickstart::parse(text, {level, forgiving}), expected);
        } else if (word == "#json") {
            EXPECT_THAT(to_json(kickstart::parse(text, {level})), HasSubstr(expected));
        } else if (word == "#guess") {
            const auto recipe = kickstart::parse(text).recipe;
            EXPECT_EQ(recipe.version, level) << recipe.version_reason;
        } else if (word == "#lint") {
            std::string rule;
            words >> rule;
            check_lint(GetParam(), text, std::stoi(level), rule);
        } else if (word == "#hidden") {
            const std::vector results{kickstart::lint(text, "x.ks")};
            for (const std::string& out : {lint_text(results[0]), lint_json(results), lint_sarif(results)})
                EXPECT_EQ(out.find(level), std::string::npos);
        } else {
            --expectations;
        }
    }
    EXPECT_GT(expectations, 0) << GetParam() << " expects nothing";
}

TEST_P(Corpus, renders_to_text_that_reads_the_same) {
    const std::string text = content(GetParam());
    if (text.find('\0') != std::string::npos) return;  // refused wherever it stands
    for (const char* level : {"", "RHEL5", "RHEL6", "RHEL7", "RHEL9", "RHEL10", "F40", "kickseed"}) {
        SCOPED_TRACE(level);
        const ParseResult first = kickstart::parse(text, {level});
        const std::string rendered = render(first.recipe);
        const ParseResult second = kickstart::parse(rendered);
        EXPECT_EQ(second.recipe.version, first.recipe.version);
        EXPECT_TRUE(second.ok()) << rendered << told(second);
        EXPECT_EQ(render(second.recipe), rendered);
        // Of a header that was refused nothing is rendered but "%packages".
        if (first.ok()) {
            EXPECT_EQ(essence(second.recipe), essence(first.recipe)) << rendered;
        }
    }
}

TEST_P(Corpus, lint_prints_what_a_terminal_can_show) {
    const kickstart::LintResult result = kickstart::lint(content(GetParam()), GetParam().filename().string());
    for (const unsigned char c : lint_text(result)) EXPECT_TRUE(c >= 0x20 || c == '\n') << static_cast<int>(c);
    for (const auto& finding : result.findings) {
        EXPECT_TRUE(std::any_of(kickstart::lint_rules().begin(), kickstart::lint_rules().end(), [&](const auto& rule) {
            return rule.id == finding.rule;
        })) << finding.rule;
        EXPECT_GT(finding.line, 0) << finding.message;
    }
}

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
    std::string name = info.param.stem().string();
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}
INSTANTIATE_TEST_SUITE_P(Own, Corpus, testing::ValuesIn(files()), test_name);

}  // namespace
