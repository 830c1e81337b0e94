// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kickstart/image_use.hpp"
#include "kickstart/json.hpp"
#include "kickstart/lines.hpp"
#include "kickstart/lint.hpp"

namespace kickstart {
namespace {

using Weight = Finding::Weight;

const char* word_of(Weight weight) {
    return weight == Weight::error ? "error" : weight == Weight::warning ? "warning" : "note";
}

// One character each: what a terminal would act on becomes "?", a tab a blank, a byte that is no UTF-8 U+FFFD.
std::vector<std::string> printable(std::string_view text) {
    std::vector<std::string> characters;
    while (!text.empty()) {
        std::size_t size = 1;
        while (size < text.size() && size < 4 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80) ++size;
        const std::string_view one = text.substr(0, size);
        const auto first = static_cast<unsigned char>(one[0]);
        if (bad_utf8(one))
            characters.emplace_back("\xef\xbf\xbd");
        else if (first == '\t')
            characters.emplace_back(" ");
        else if (first < 0x20 || first == 0x7f || (first == 0xc2 && static_cast<unsigned char>(one[1]) < 0xa0))
            characters.emplace_back("?");
        else
            characters.emplace_back(one);
        text.remove_prefix(size);
    }
    return characters;
}

std::string joined(const std::vector<std::string>& characters) {
    std::string text;
    for (const std::string& character : characters) text += character;
    return text;
}

std::string padded(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// The line and a caret under the word; of a long line the part around it.
void show_source(std::string& out, const Finding& finding) {
    constexpr std::size_t widest = 110, before = 40;
    std::vector<std::string> line = printable(std::string_view(finding.source).substr(0, 1U << 16));
    std::size_t at = finding.column > 0 ? static_cast<std::size_t>(finding.column) - 1 : 0;
    if (at > line.size()) return;
    if (line.size() > widest && at > before) {
        line.erase(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(at - before));
        line[0] = "…";
        at = before;
    }
    if (line.size() > widest) {
        line.resize(widest);
        line.back() = "…";
    }
    out += padded(std::to_string(finding.line), 6) + " | " + joined(line) + "\n";
    if (finding.column == 0) return;
    const std::size_t length = std::clamp<std::size_t>(static_cast<std::size_t>(finding.length), 1,
                                                       std::max<std::size_t>(line.size() - at, 1));
    out += "       | " + std::string(at, ' ') + "^" + std::string(length - 1, '~') + "\n";
}

std::string counted(std::size_t count, const char* word) {
    return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

std::string member(std::string_view name, std::string_view value) {
    return json_string(name) + ":" + json_string(joined(printable(value)));
}
std::string member(std::string_view name, std::size_t value) {
    return json_string(name) + ":" + std::to_string(value);
}

std::string json_finding(const Finding& f) {
    std::string out = "{" + member("file", f.file) + "," + member("line", static_cast<std::size_t>(f.line));
    if (f.column > 0)
        out += "," + member("column", static_cast<std::size_t>(f.column)) + "," +
               member("length", static_cast<std::size_t>(f.length));
    return out + "," + member("severity", word_of(f.weight)) + "," + member("rule", f.rule) + "," +
           member("message", f.message) + "," + member("source", f.source.substr(0, 1000)) + "}";
}

std::string uri(std::string_view path) {
    std::string encoded;
    for (const char c : path) {
        if (std::isalnum(static_cast<unsigned char>(c)) ||
            std::string_view("/._-~").find(c) != std::string_view::npos) {
            encoded += c;
            continue;
        }
        constexpr std::string_view digits = "0123456789ABCDEF";
        encoded += '%';
        encoded += digits[static_cast<unsigned char>(c) >> 4U];
        encoded += digits[static_cast<unsigned char>(c) & 15U];
    }
    return (path.starts_with('/') ? "file://" : "") + encoded;
}

std::string sarif_result(const Finding& f) {
    std::string region = "{" + member("startLine", static_cast<std::size_t>(std::max(f.line, 1)));
    if (f.column > 0)
        region += "," + member("startColumn", static_cast<std::size_t>(f.column)) + "," +
                  member("endColumn", static_cast<std::size_t>(f.column + std::max(f.length, 1)));
    return "{" + member("ruleId", f.rule) + "," + member("level", word_of(f.weight)) + ",\"message\":{" +
           member("text", f.message) + "},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{" +
           member("uri", uri(f.file)) + "},\"region\":" + region + "}}}]}";
}

}  // namespace

std::string lint_text(const LintResult& result) {
    std::string out;
    for (const Finding& f : result.findings) {
        out += joined(printable(f.file)) + ":" + std::to_string(f.line) +
               (f.column > 0 ? ":" + std::to_string(f.column) : "") + ": " + word_of(f.weight) + ": " +
               joined(printable(f.message)) + " [" + f.rule + "]\n";
        show_source(out, f);
    }
    const Recipe& recipe = result.parsed.recipe;
    out += joined(printable(result.file)) + ": " + counted(result.count(Weight::error), "error") + ", " +
           counted(result.count(Weight::warning), "warning") + ", " + counted(result.count(Weight::note), "note") +
           "; read at level " + recipe.version + " (" + recipe.version_reason + ")\n";
    return out;
}

std::string lint_json(const std::vector<LintResult>& results) {
    std::string out = "{\"schema\":\"xenkiln-lint/1\",\"files\":[";
    for (const LintResult& result : results) {
        const Recipe& recipe = result.parsed.recipe;
        if (&result != &results.front()) out += ",";
        out += "{" + member("file", result.file) + "," + member("level", recipe.version) + "," +
               member("level_reason", recipe.version_reason) + "," + member("errors", result.count(Weight::error)) +
               "," + member("warnings", result.count(Weight::warning)) + "," +
               member("notes", result.count(Weight::note)) + ",\"findings\":[";
        for (const Finding& f : result.findings) out += (&f == &result.findings.front() ? "" : ",") + json_finding(f);
        out += "],\"commands\":[";
        for (const Command& command : recipe.commands) {
            const ImageUse use = image_use(command.name);
            out += &command == &recipe.commands.front() ? "{" : ",{";
            out += member("line", static_cast<std::size_t>(recipe.sources.place(command.line).line)) + "," +
                   member("name", command.name) + "," + member("image_build", use_name(use.use)) +
                   (use.why.empty() ? "" : "," + member("why", use.why)) + "}";
        }
        out += "]}";
    }
    return out + "]}\n";
}

std::string lint_sarif(const std::vector<LintResult>& results) {
    std::string out =
        "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{"
        "\"driver\":{\"name\":\"xenkiln kickstart lint\",\"rules\":[";
    for (const LintRule& rule : lint_rules())
        out += (&rule == &lint_rules().front() ? "{" : ",{") + member("id", rule.id) + ",\"shortDescription\":{" +
               member("text", rule.about) + "}}";
    out += "]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[";
    bool first = true;
    for (const LintResult& result : results)
        for (const Finding& f : result.findings) {
            out += (first ? "" : ",") + sarif_result(f);
            first = false;
        }
    return out + "]}]}\n";
}

}  // namespace kickstart
