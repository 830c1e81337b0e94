// SPDX-License-Identifier: Apache-2.0
#include "kickstart/render.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "kickstart/command_table.hpp"
#include "kickstart/lines.hpp"

namespace kickstart {
namespace {

std::string joined(const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
    return text;
}

// "--name=value", several of them for an option that takes one item at a time.
void add_option(std::vector<std::string>& words, const CommandRule* rule, const std::string& name,
                const OptionValue& value) {
    std::vector<std::string> candidates;
    const OptionRule* option = rule ? rule->option(name, candidates) : nullptr;
    const std::string begin = "--" + name;
    const auto add = [&](const std::string& text) { words.push_back(quoted(begin + "=" + text)); };
    switch (value.kind) {
        case OptionValue::Kind::flag:
            if (option && option->type == OptionType::boolean)
                add(value.flag ? "on" : "off");
            else
                words.push_back(begin);
            break;
        case OptionValue::Kind::number:
            add(std::to_string(value.number));
            break;
        case OptionValue::Kind::text:
            add(value.text);
            break;
        case OptionValue::Kind::list:
            if (option && option->type == OptionType::append)
                for (const std::string& item : value.list) add(item);
            else
                add(joined(value.list));
            break;
        case OptionValue::Kind::pairs: {
            std::vector<std::string> items;
            for (const auto& [device, config] : value.pairs)
                items.push_back(config.empty() ? device : device + "'" + config + "'");
            add(joined(items));
            break;
        }
    }
}

struct Section {
    int line = 0;
    std::string name, header, body;  // the body as it stands between header and %end
    std::vector<const Include*> includes;
};

class Renderer {
public:
    explicit Renderer(const Recipe& recipe)
        : recipe_(recipe), table_(CommandTable::at(level_named(recipe.version).value_or(default_level))) {}

    std::string render() {
        comments();
        collect_sections();
        commands();
        for (Section& section : sections_) add(section);
        return std::move(out_);
    }

private:
    void comments() {
        if (!recipe_.version.empty()) out_ += "#version=" + recipe_.version + "\n";
        if (recipe_.platform) out_ += "#platform=" + *recipe_.platform + "\n";
        for (const OptionComment& option : recipe_.options)
            out_ += "#xenkiln: " + quoted(option.key + "=" + option.value) + "\n";
    }

    void commands() {
        auto include = recipe_.includes.begin();
        const auto includes_before = [&](int line) {
            for (; include != recipe_.includes.end() && include->line < line; ++include)
                if (include->where == "commands") out_ += "%include " + quoted(include->path) + "\n";
        };
        for (const Command& command : recipe_.commands) {
            includes_before(command.line);
            out_ += line(command, table_.command(command.name)) + "\n";
        }
        includes_before(std::numeric_limits<int>::max());
    }

    std::string line(const Command& command, const CommandRule* rule) const {
        std::vector<std::string> words{command.name}, args;
        if (!command.words.empty()) {
            for (const std::string& word : command.words) words.push_back(quoted(word));
        } else {
            bool dashed = false;
            for (const std::string& arg : command.args) {
                dashed = dashed || arg.starts_with('-');
                args.push_back(quoted(arg));
            }
            if (!dashed) words.insert(words.end(), args.begin(), args.end());
            for (const auto& [name, value] : command.options) add_option(words, rule, name, value);
            if (dashed) words.emplace_back("--");
            if (dashed) words.insert(words.end(), args.begin(), args.end());
        }
        // A word that ends in an escaped line end can only be the last.
        std::stable_partition(words.begin(), words.end(),
                              [](const std::string& word) { return !word.ends_with('\n') && !word.ends_with('\r'); });
        std::string text;
        for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
        if (text.ends_with('\n')) text.pop_back();  // the caller's newline stands in its place
        return text;
    }

    void collect_sections() {
        constexpr std::array names{"%pre", "%pre-install", "%post", "%onerror", "%traceback"};
        for (const Script& script : recipe_.scripts) {
            Command header;
            header.name = names.at(static_cast<std::size_t>(script.section));
            const auto set = [&](const char* option, const std::string& value) {
                header.options[option] = {OptionValue::Kind::text, 0, true, value, {}, {}};
            };
            if (script.interpreter != "/bin/sh") set("interpreter", script.interpreter);
            if (!script.log.empty()) set("log", script.log);
            if (script.error_on_fail) header.options["erroronfail"] = {};
            if (!script.chroot && script.section == kickstart::Section::post) header.options["nochroot"] = {};
            section(script.line, header, script.body);
        }
        for (const Opaque& other : recipe_.others) {
            Command header;
            header.name = "%" + other.section;
            header.words = other.args;
            section(other.line, header, other.body);
        }
        for (const Certificate& certificate : recipe_.certificates) {
            Command header;
            header.name = "%certificate";
            for (const auto& [option, value] :
                 {std::pair{"filename", &certificate.filename}, std::pair{"dir", &certificate.dir},
                  std::pair{"type", &certificate.type}})
                if (!value->empty()) header.options[option] = {OptionValue::Kind::text, 0, true, *value, {}, {}};
            section(certificate.line, header, certificate.body);
        }
        if (recipe_.packages) packages(*recipe_.packages);
        std::stable_sort(sections_.begin(), sections_.end(),
                         [](const auto& a, const auto& b) { return a.line < b.line; });
        for (const Include& include : recipe_.includes)
            if (include.where != "commands") owner(include).includes.push_back(&include);
    }

    void section(int line, const Command& header, const std::string& body) {
        sections_.push_back({line, header.name, this->line(header, table_.section(header.name)), body, {}});
    }

    void packages(const Packages& packages) {
        std::string body;
        for (const std::string& group : packages.excluded_groups) body += "-@" + group + "\n";
        if (!packages.environment.empty()) body += "@^" + packages.environment + "\n";
        for (const Packages::Group& group : packages.groups)
            body += "@" + group.name +
                    (group.level == "all"         ? " --optional"
                     : group.level == "mandatory" ? " --nodefaults"
                                                  : "") +
                    "\n";
        // "%end#" is a package of the name %end to every installer, as it is to us; without the comment it is none.
        for (const std::string& package : packages.packages) body += package + (package[0] == '%' ? "#\n" : "\n");
        for (const std::string& package : packages.excluded_packages) body += "-" + package + "\n";
        std::vector<Command> headers = packages.headers;
        if (headers.empty()) headers.push_back({packages.line, "%packages"});
        for (Command& header : headers) header.name = "%packages";
        for (const Command& header : headers) section(header.line, header, &header == &headers.back() ? body : "");
    }

    // The section the include stood in; one of its own when that was left out because nothing else was in it.
    Section& owner(const Include& include) {
        Section* found = nullptr;
        for (Section& section : sections_)
            if (section.name == include.where && section.line < include.line) found = &section;
        const bool inside =
            found && (found->name == "%packages" || static_cast<std::size_t>(include.line - found->line) <=
                                                        split_lines(found->body).size() + found->includes.size() + 1);
        if (inside) return *found;
        const auto after = std::find_if(sections_.begin(), sections_.end(),
                                        [&](const Section& section) { return section.line > include.line; });
        return *sections_.insert(after, {include.line - 1, include.where, include.where, "", {}});
    }

    void add(const Section& section) {
        out_ += "\n" + section.header + "\n";
        int number = section.line;
        auto include = section.includes.begin();
        const auto includes_at = [&](bool all) {
            for (; include != section.includes.end() && (all || (*include)->line <= number); ++include, ++number)
                out_ += "%include " + quoted((*include)->path) + "\n";
        };
        for (const TextLine& line : split_lines(section.body)) {
            ++number;
            includes_at(false);
            out_ += line.raw;
        }
        if (!section.body.empty() && !section.body.ends_with('\n') && !section.body.ends_with('\r')) return;  // cut off
        includes_at(true);
        out_ += "%end\n";
    }

    const Recipe& recipe_;
    const CommandTable& table_;
    std::vector<Section> sections_;
    std::string out_;
};

}  // namespace

std::string quoted(const std::string& word) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/@%^$*~!?&()[]{}<>|;";
    const std::string_view end = word.ends_with('\n') ? "\n" : word.ends_with('\r') ? "\r" : "";
    const std::string_view inner = std::string_view(word).substr(0, word.size() - end.size());
    std::string text(inner);
    if (word.empty() || inner.find_first_not_of(plain) != std::string_view::npos) {
        text = "\"";
        for (const char c : inner) {
            if (c == '"' || c == '\\') text += '\\';
            text += c;
        }
        text += '"';
    }
    if (!end.empty()) text.append("\\").append(end);
    return text;
}

std::string render(const Recipe& recipe) {
    return Renderer(recipe).render();
}

}  // namespace kickstart
