// SPDX-License-Identifier: Apache-2.0
#include "kickstart/json.hpp"

#include <array>
#include <cstdio>

namespace kickstart {
namespace {

// Just enough JSON to write: objects and arrays that put their own commas.
class Writer {
public:
    explicit Writer(const Sources& sources) : sources_(sources) {}

    std::string text;

    // The line as its own file counts it, and that file when it is an included one.
    void place(int line) {
        const Sources::Place place = sources_.place(line);
        member("line", place.line);
        if (place.file > 0) member("file", sources_.files[static_cast<std::size_t>(place.file)]);
    }

    void key(std::string_view name) {
        comma();
        text += json_string(name) + ":";
        fresh_ = true;
    }
    void raw(std::string_view value) {
        comma();
        text += value;
    }
    void string(std::string_view value) { raw(json_string(value)); }
    void open(char bracket) {
        comma();
        text += bracket;
        fresh_ = true;
    }
    void close(char bracket) {
        text += bracket;
        fresh_ = false;
    }
    void strings(const std::vector<std::string>& values) {
        open('[');
        for (const std::string& value : values) string(value);
        close(']');
    }
    template <class T>
    void member(std::string_view name, const T& value) {
        key(name);
        if constexpr (std::is_same_v<T, bool>)
            raw(value ? "true" : "false");
        else if constexpr (std::is_integral_v<T>)
            raw(std::to_string(value));
        else
            string(value);
    }
    void member_or_null(std::string_view name, std::string_view value) {
        key(name);
        if (value.empty())
            raw("null");
        else
            string(value);
    }

private:
    void comma() {
        if (!fresh_) text += ',';
        fresh_ = false;
    }
    bool fresh_ = true;
    const Sources& sources_;
};

void write_options(Writer& out, const std::map<std::string, OptionValue>& options) {
    out.key("options");
    out.open('{');
    for (const auto& [name, value] : options) {
        out.key(name);
        switch (value.kind) {
            case OptionValue::Kind::flag:
                out.raw(value.flag ? "true" : "false");
                break;
            case OptionValue::Kind::number:
                out.raw(std::to_string(value.number));
                break;
            case OptionValue::Kind::text:
                out.string(value.text);
                break;
            case OptionValue::Kind::list:
                out.strings(value.list);
                break;
            case OptionValue::Kind::pairs:
                out.open('[');
                for (const auto& [device, config] : value.pairs) {
                    out.open('{');
                    out.member("device", device);
                    out.member("config", config);
                    out.close('}');
                }
                out.close(']');
                break;
        }
    }
    out.close('}');
}

void write_commands(Writer& out, const Recipe& recipe) {
    out.key("commands");
    out.open('[');
    for (const Command& command : recipe.commands) {
        out.open('{');
        out.place(command.line);
        out.member("name", command.name);
        out.member("deprecated", command.deprecated);
        out.key("args");
        out.strings(command.args);
        write_options(out, command.options);
        out.close('}');
    }
    out.close(']');
}

void write_packages(Writer& out, const Recipe& recipe) {
    out.key("packages");
    if (!recipe.packages) return out.raw("null");
    const Packages& packages = *recipe.packages;
    out.open('{');
    out.key("headers");
    out.open('[');
    for (const Command& header : packages.headers) {
        out.open('{');
        out.place(header.line);
        write_options(out, header.options);
        out.close('}');
    }
    out.close(']');
    out.member_or_null("environment", packages.environment);
    out.key("groups");
    out.open('[');
    for (const Packages::Group& group : packages.groups) {
        out.open('{');
        out.member("name", group.name);
        out.member("level", group.level);
        out.close('}');
    }
    out.close(']');
    for (const auto& [name, list] :
         {std::pair{"packages", &packages.packages}, std::pair{"excluded_packages", &packages.excluded_packages},
          std::pair{"excluded_groups", &packages.excluded_groups}}) {
        out.key(name);
        out.strings(*list);
    }
    out.close('}');
}

void write_sections(Writer& out, const Recipe& recipe) {
    constexpr std::array names{"pre", "pre-install", "post", "onerror", "traceback"};
    out.key("scripts");
    out.open('[');
    for (const Script& script : recipe.scripts) {
        out.open('{');
        out.place(script.line);
        out.member("section", std::string(names.at(static_cast<std::size_t>(script.section))));
        out.member("interpreter", script.interpreter);
        out.member("chroot", script.chroot);
        out.member("erroronfail", script.error_on_fail);
        out.member_or_null("log", script.log);
        out.member("body", script.body);
        out.close('}');
    }
    out.close(']');
    out.key("others");
    out.open('[');
    for (const Opaque& other : recipe.others) {
        out.open('{');
        out.place(other.line);
        out.member("section", other.section);
        out.key("args");
        out.strings(other.args);
        out.member("body", other.body);
        out.close('}');
    }
    out.close(']');
    out.key("certificates");
    out.open('[');
    for (const Certificate& certificate : recipe.certificates) {
        out.open('{');
        out.place(certificate.line);
        out.member("filename", certificate.filename);
        out.member_or_null("dir", certificate.dir);
        out.member_or_null("type", certificate.type);
        out.member("body", certificate.body);
        out.close('}');
    }
    out.close(']');
    out.key("includes");
    out.open('[');
    for (const Include& include : recipe.includes) {
        out.open('{');
        out.place(include.line);
        out.member("path", include.path);
        out.member("where", include.where);
        out.close('}');
    }
    out.close(']');
}

void write_diagnostics(Writer& out, const ParseResult& result) {
    for (const Severity severity : {Severity::warning, Severity::error}) {
        out.key(severity == Severity::warning ? "warnings" : "errors");
        out.open('[');
        for (const Diagnostic& diagnostic : result.diagnostics) {
            if (diagnostic.severity != severity) continue;
            out.open('{');
            out.place(diagnostic.line);
            if (diagnostic.column > 0) out.member("column", diagnostic.column);
            if (severity == Severity::warning) out.member("kind", diagnostic.kind);
            out.member("message", diagnostic.message);
            out.close('}');
        }
        out.close(']');
    }
}

}  // namespace

std::string json_string(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        switch (c) {
            case '"':
                quoted += "\\\"";
                break;
            case '\\':
                quoted += "\\\\";
                break;
            case '\n':
                quoted += "\\n";
                break;
            case '\r':
                quoted += "\\r";
                break;
            case '\t':
                quoted += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    std::array<char, 8> escape{};
                    std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
                    quoted += escape.data();
                } else {
                    quoted += c;
                }
        }
    }
    return quoted + "\"";
}

std::string to_json(const ParseResult& result) {
    const Recipe& recipe = result.recipe;
    Writer out(recipe.sources);
    out.open('{');
    out.member("schema", std::string("kickstart-canonical/1"));
    out.member("version", recipe.version);
    out.member_or_null("version_comment", recipe.version_comment.value_or(""));
    out.member_or_null("platform", recipe.platform.value_or(""));
    out.member("ok", result.ok());
    write_commands(out, recipe);
    write_packages(out, recipe);
    write_sections(out, recipe);
    write_diagnostics(out, result);
    out.close('}');
    return out.text + "\n";
}

}  // namespace kickstart
