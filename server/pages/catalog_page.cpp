// SPDX-License-Identifier: Apache-2.0
#include "server/pages/catalog_page.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "formats/image/plan_output.hpp"
#include "server/pages/catalog_style.hpp"
#include "server/pages/html.hpp"
#include "server/pages/import_section.hpp"

namespace server::pages {
namespace {

namespace json = boost::json;

struct PageContext {
    std::string public_url;  // no slash at its end
    std::string key_fingerprint;
};

using catalog::Artifact;
using catalog::Release;
using html::command;
using html::escape;

// Details are what some worker wrote: any member may be missing or of another kind.
const json::value* member(const json::value* from, std::string_view name) {
    const json::object* object = from ? from->if_object() : nullptr;
    return object ? object->if_contains(json::string_view(name.data(), name.size())) : nullptr;
}
const json::array& list(const json::value* from) {
    static const json::array empty;
    const json::array* array = from ? from->if_array() : nullptr;
    return array ? *array : empty;
}
std::string text(const json::value* from) {
    if (!from) return {};
    if (const json::string* string = from->if_string()) return {string->data(), string->size()};
    return from->is_number() || from->is_bool() ? json::serialize(*from) : std::string();
}
std::string bytes(const json::value* from) {
    json::error_code error;
    const auto number = from && from->is_number() ? from->to_number<std::uint64_t>(error) : 0;
    return error || number == 0 ? std::string() : html::size(number);
}

std::string upper(std::string word) {
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::toupper(c); });
    return word;
}

std::string folded(bool open, const std::string& title, const std::string& content) {
    return content.empty() ? ""
                           : std::string("<details") + (open ? " open" : "") + "><summary>" + escape(title) +
                                 "</summary>\n" + content + "</details>\n";
}

bool is_image(const Artifact& artifact) {
    return formats::output_kind_from(artifact.format).has_value();
}

const Artifact* find(const Release& release, std::string_view format) {
    for (const Artifact& artifact : release.artifacts)
        if (artifact.format == format) return &artifact;
    return nullptr;
}

bool is_conversion(const json::value& details) {
    return text(member(&details, "kind")) == "conversion";
}

std::string specs(const json::value& details) {
    const json::value* hardware = member(&details, "hardware");
    std::string disks;
    for (const json::value& disk : list(member(hardware, "disks")))
        if (const std::string size = bytes(member(&disk, "virtual_size")); !size.empty())
            disks += (disks.empty() ? "" : " + ") + size;
    const json::value* is_template = member(hardware, "template");
    std::string shown;
    for (const auto& [name, value] :
         {std::pair<const char*, std::string>{"Mode", upper(text(member(hardware, "mode")))},
          {"vCPUs", text(member(hardware, "vcpus"))},
          {"Memory", bytes(member(hardware, "memory_bytes"))},
          {"Disk", disks},
          {"Firmware", upper(text(member(hardware, "firmware")))},
          {"Imports as", is_template && is_template->is_bool() ? (is_template->get_bool() ? "template" : "VM") : ""},
          {"System", text(member(&details, "distribution"))},
          {"Made of", upper(text(member(member(&details, "source"), "format")))}})
        if (!value.empty()) shown += std::string("<div><dt>") + name + "</dt><dd>" + escape(value) + "</dd></div>";
    return shown.empty() ? "" : "<dl class=\"specs\">" + shown + "</dl>\n";
}

// Of the only disk; 0 when there are several, or nobody knows.
std::uint64_t virtual_size(const json::value& details) {
    const json::array& disks = list(member(member(&details, "hardware"), "disks"));
    const json::value* size = disks.size() == 1 ? member(&disks[0], "virtual_size") : nullptr;
    json::error_code error;
    const auto number = size && size->is_number() ? size->to_number<std::uint64_t>(error) : 0;
    return error ? 0 : number;
}

// What a conversion read, and what makes its disks comparable in any format.
std::string source(const json::value& details) {
    const json::value* from = member(&details, "source");
    std::string rows;
    const auto row = [&](const std::string& name, const std::string& value) {
        if (!value.empty()) rows += "<tr><td>" + escape(name) + "</td><td>" + escape(value) + "</td></tr>\n";
    };
    const std::string packing = text(member(from, "packing"));
    row("File", text(member(from, "file_name")));
    row("From", text(member(from, "from")));
    row("Format", text(member(from, "format")) + (packing.empty() || packing == "none" ? "" : ", " + packing));
    row("Size", bytes(member(from, "file_size")));
    row("SHA256", text(member(from, "sha256")));
    if (!from) return {};
    std::size_t number = 0;
    for (const json::value& disk : list(member(member(&details, "hardware"), "disks")))
        row("Disk digest " + std::to_string(++number), text(member(&disk, "disk_digest")));
    return "<div class=\"table\"><table>" + rows + "</table></div>\n";
}

std::string image(const Artifact& artifact) {
    std::string block = "<div class=\"image\"><a class=\"button\" href=\"" + escape(address(artifact)) +
                        "\">Download <small>" + html::size(artifact.size) + "</small></a>\n<div><div class=\"file\">" +
                        escape(artifact.file_name) + "</div>";
    if (artifact.image_size > 0)
        block += "<div class=\"unpacked\">" + html::size(artifact.image_size) + " unpacked</div>";
    block += "</div>\n<dl class=\"digests\">";
    for (const auto& [name, value] :
         {std::pair{"SHA256", artifact.sha256}, std::pair{"MD5", artifact.md5},
          std::pair{"SHA256 unpacked", artifact.image_sha256}, std::pair{"MD5 unpacked", artifact.image_md5}})
        if (!value.empty()) block += std::string("<dt>") + name + "</dt><dd>" + escape(value) + "</dd>";
    return block + "</dl></div>\n";
}

std::string verification(const Release& release, const PageContext& context) {
    if (!find(release, "SHA256SUMS")) return {};
    const std::string folder = context.public_url + "/download/" + release.name;
    return "<p class=\"hint\">With what every host has, in the folder of the download:</p>" +
           command("curl -sS -o signing.pem " + context.public_url + "/keys/signing.pem\ncurl -sSO " + folder +
                   "/SHA256SUMS -O " + folder +
                   "/SHA256SUMS.sig\n"
                   "openssl dgst -sha256 -verify signing.pem -signature SHA256SUMS.sig SHA256SUMS\n"
                   "sha256sum -c SHA256SUMS 2>/dev/null | grep OK") +
           "<p class=\"hint\">MD5SUMS is signed the same way. Trust the key only when its fingerprint, "
           "from a place you trust, is this:</p>" +
           command("openssl pkey -pubin -in signing.pem -outform der | sha256sum") + "<p class=\"digest\">" +
           escape(context.key_fingerprint) + "</p>\n";
}

std::string files(const Release& release) {
    std::string rows;
    for (const Artifact& artifact : release.artifacts)
        rows += "<tr><td><a href=\"" + escape(address(artifact)) + "\">" + escape(artifact.file_name) +
                "</a></td><td class=\"size\">" + html::size(artifact.size) + "</td><td><span class=\"digest\">" +
                escape(artifact.sha256) + "<br>" + escape(artifact.md5) + "</span></td></tr>\n";
    return "<div class=\"table\"><table><tr><th>File</th><th>Size</th><th>SHA256 and MD5</th></tr>\n" + rows +
           "</table></div>\n";
}

std::string notes(const json::value& details) {
    std::string items;
    for (const json::value& note : list(member(&details, "notes"))) {
        const std::string message = note.is_object() ? text(member(&note, "message")) : text(&note),
                          line = text(member(&note, "line"));
        if (!message.empty())
            items += "<li>" + (line.empty() || line == "0" ? "" : "line " + escape(line) + ": ") + escape(message) +
                     "</li>\n";
    }
    return items.empty() ? "" : "<ul>" + items + "</ul>\n";
}

std::string readiness(const json::value& details) {
    std::string rows;
    for (const json::value& finding : list(member(&details, "readiness"))) {
        const json::value* passed = member(&finding, "passed");
        if (!passed || !passed->is_bool()) continue;
        rows += std::string("<tr><td class=\"") + (passed->get_bool() ? "good\">passed" : "bad\">failed") +
                "</td><td>" + escape(text(member(&finding, "id"))) + "</td><td>" +
                escape(text(member(&finding, "message"))) + "</td></tr>\n";
    }
    return rows.empty() ? "" : "<div class=\"table\"><table>" + rows + "</table></div>\n";
}

std::string packages(const json::value& details, std::size_t& count) {
    std::string lines;
    const json::value* packages = member(&details, "packages");
    const auto add = [&](const std::string& name, const std::string& version) {
        lines += escape(name) + (version.empty() ? "" : " " + escape(version)) + "\n";
        ++count;
    };
    if (const json::object* object = packages ? packages->if_object() : nullptr)
        for (const auto& [name, version] : *object) add(std::string(name), text(&version));
    for (const json::value& one : list(packages)) {
        if (one.is_object())
            add(text(member(&one, "name")), text(member(&one, "version")));
        else if (const std::string name = text(&one); !name.empty())
            add(name, {});
    }
    return lines.empty() ? "" : "<pre class=\"long\">" + lines + "</pre>\n";
}

std::string article(const Release& release, const PageContext& context, bool whole, const std::string& recipe) {
    json::error_code error;
    const json::value details = json::parse(release.details, error);
    const char* heading = whole ? "h1" : "h2";
    std::string body = std::string("<article>\n<div class=\"title\"><") + heading + "><a href=\"/releases/" +
                       escape(release.name) + "\">" + escape(release.title) + "</a></" + heading +
                       "><time datetime=\"" + escape(release.created) + "\">" + html::day(release.created) +
                       "</time></div>\n<p class=\"name\">" + escape(release.name) + "</p>\n" + specs(details);
    for (const Artifact& artifact : release.artifacts)
        if (is_image(artifact)) body += image(artifact);
    body += import_section(release, virtual_size(details), context.public_url);
    body += folded(whole, "Verify the signature", verification(release, context));
    body += folded(whole, "All files (" + std::to_string(release.artifacts.size()) + ")", files(release));
    if (whole) {
        body += folded(true, "Source", source(details));
        body += folded(true, is_conversion(details) ? "Notes" : "What the build did otherwise than the recipe says",
                       notes(details));
        body += folded(true, "Readiness for Xen", readiness(details));
        body += folded(true, "Recipe", recipe.empty() ? "" : "<pre>" + escape(recipe) + "</pre>\n");
        std::size_t count = 0;
        const std::string installed = packages(details, count);
        if (count > 0 || !is_conversion(details))
            body += folded(false, "Packages (" + std::to_string(count) + ")", installed);
    } else {
        body += "<p class=\"more\"><a href=\"/releases/" + escape(release.name) + "\">" +
                (is_conversion(details) ? "Source and digests" : "Recipe, packages and checks") +
                " of this release</a></p>\n";
    }
    return body + "</article>\n";
}

std::string page(const std::string& title, const std::string& content, const PageContext& context) {
    return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
           escape(title) + "</title>\n<style>" + catalog_style +
           "</style>\n</head>\n<body>\n"
           "<header><a class=\"brand\" href=\"/\">xenkiln</a><p>Guest images for XenServer, XCP-ng and Xen, made from "
           "kickstart recipes.</p>"
           "<nav><a href=\"/v1/releases\">JSON</a><a href=\"/keys/signing.pem\">Signing "
           "key</a></nav></header>\n<main>\n" +
           content +
           "</main>\n<footer>SHA256SUMS and MD5SUMS of every release are signed with ECDSA P-256. The key's "
           "fingerprint is "
           "<span class=\"digest\">" +
           escape(context.key_fingerprint) + "</span></footer>\n</body>\n</html>\n";
}

Response html_response(const std::string& html) {
    Response response;
    response.headers = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Cache-Control", "no-cache"},
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}};
    response.body = html;
    return response;
}

}  // namespace

Response catalog_page(const std::vector<Release>& releases, const std::string& older,
                      const std::vector<catalog::StoredRecipe>& recipes, const publish::SigningKey& key,
                      const Config& config) {
    const PageContext context{config.public_url, key.fingerprint()};
    std::string content;
    for (const Release& release : releases) content += article(release, context, false, {});
    if (!older.empty()) content += "<a class=\"older\" href=\"" + escape(older) + "\">Older releases</a>\n";
    if (releases.empty())
        content =
            "<article class=\"empty\"><h1>Nothing published yet</h1>\n<p>A recipe becomes a release with one "
            "request:</p>" +
            command("curl -sS -H 'Content-Type: text/x-kickstart' --data-binary @recipes/debian-12-pvhvm.ks " +
                    context.public_url + "/v1/builds") +
            "</article>\n";
    std::string rows;
    for (const catalog::StoredRecipe& one : recipes)
        rows += "<li><a href=\"/recipes/" + escape(one.name) + "\">" + escape(one.name) + "</a>, version " +
                std::to_string(one.version) + ", " + html::day(one.created) + "</li>\n";
    if (!rows.empty()) content += "<article>\n<h2>Stored recipes</h2>\n<ul>\n" + rows + "</ul>\n</article>\n";
    return html_response(page("xenkiln catalog", content, context));
}

Response release_page(const Release& release, const std::string& recipe, const publish::SigningKey& key,
                      const Config& config) {
    const PageContext context{config.public_url, key.fingerprint()};
    return html_response(page(release.title + " – xenkiln", article(release, context, true, recipe), context));
}

Response recipe_page(const std::vector<catalog::StoredRecipe>& versions, const std::string& text,
                     const publish::SigningKey& key, const Config& config) {
    const PageContext context{config.public_url, key.fingerprint()};
    const std::string name = escape(versions.front().name);
    std::string content = "<article>\n<h1>" + name + "</h1>\n<ul>\n";
    for (const catalog::StoredRecipe& one : versions)
        content += "<li><a href=\"/recipes/" + name + "/" + std::to_string(one.version) + ".ks\">version " +
                   std::to_string(one.version) + "</a>, " + html::day(one.created) + ", " +
                   html::size(one.text.size()) + ", SHA-256 <span class=\"digest\">" + escape(one.sha256) +
                   "</span></li>\n";
    content += "</ul>\n<p>For an installer:</p>\n" +
               command("inst.ks=" + context.public_url + "/recipes/" + versions.front().name + "/" +
                       std::to_string(versions.front().version) + ".ks") +
               "<pre>" + escape(text) + "</pre>\n</article>\n";
    return html_response(page(versions.front().name + " – xenkiln", content, context));
}

}  // namespace server::pages
