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

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "kickstart/json.hpp"
#include "kickstart/lint.hpp"
#include "kickstart/render.hpp"

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
    std::istringstream parts(std::regex_replace(expected, std::regex(" \\| "), "\n"));
    for (std::string part; expected != "ok" && std::getline(parts, part);) {
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
    std::istringstream lines(std::regex_replace(text, std::regex("\r\n?"), "\n"));
    int expectations = 0;
    std::smatch match;
    const std::regex at("#at (\\S+)( forgiving)?: (.*)"), json("#json (\\S+): (.*)"), guess("#guess (\\S+)"),
        lint("#lint (\\d+) (\\S+)"), hidden("#hidden (\\S+)");
    for (std::string line; std::getline(lines, line);) {
        SCOPED_TRACE(line);
        ++expectations;
        if (std::regex_match(line, match, at)) {
            expect(kickstart::parse(text, {match[1], match[2].matched}), match[3]);
        } else if (std::regex_match(line, match, json)) {
            EXPECT_THAT(to_json(kickstart::parse(text, {match[1]})), HasSubstr(match[2].str()));
        } else if (std::regex_match(line, match, guess)) {
            const auto recipe = kickstart::parse(text).recipe;
            EXPECT_EQ(recipe.version, match[1].str()) << recipe.version_reason;
        } else if (std::regex_match(line, match, lint)) {
            check_lint(GetParam(), text, std::stoi(match[1]), match[2]);
        } else if (std::regex_match(line, match, hidden)) {
            const std::vector results{kickstart::lint(text, "x.ks")};
            for (const std::string& out : {lint_text(results[0]), lint_json(results), lint_sarif(results)})
                EXPECT_EQ(out.find(match[1].str()), std::string::npos);
        } else {
            --expectations;
        }
    }
    EXPECT_GT(expectations, 0) << GetParam() << " expects nothing";
}

// A recipe without the line numbers and the comments that rendering leaves out.
std::string essence(kickstart::Recipe recipe) {
    recipe.version_comment.reset();
    std::string options;
    for (const auto& option : recipe.options) options += option.key + "=" + option.value + "\n";
    return options + std::regex_replace(kickstart::to_json({recipe, {}, {}}), std::regex("\"line\":[0-9]+,?"), "");
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
    return std::regex_replace(info.param.stem().string(), std::regex("\\W"), "_");
}
INSTANTIATE_TEST_SUITE_P(Own, Corpus, testing::ValuesIn(files()), test_name);

}  // namespace
