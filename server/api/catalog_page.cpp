// SPDX-License-Identifier: Apache-2.0
#include "server/api/catalog_page.hpp"

#include <boost/json.hpp>
#include <cmath>

#include "server/api/catalog_style.hpp"

namespace server::api {
namespace {

namespace json = boost::json;

std::string escaped(std::string_view text) {
    std::string html;
    for (const char c : text) {
        switch (c) {
            case '&': html += "&amp;"; break;
            case '<': html += "&lt;"; break;
            case '>': html += "&gt;"; break;
            case '"': html += "&quot;"; break;
            case '\'': html += "&#39;"; break;
            default: html += c;
        }
    }
    return html;
}

std::string human(std::uint64_t bytes) {
    const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    int unit = 0;
    for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
    std::string text = std::to_string(unit == 0 || value >= 100 ? std::round(value) : std::round(value * 10) / 10);
    text.erase(text.find('.') + (unit == 0 || value >= 100 ? 0 : 2));
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text + " " + units[unit];
}

std::uint64_t number(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    json::error_code error;
    const auto found = value ? value->to_number<std::uint64_t>(error) : 0;
    return error ? 0 : found;
}

std::string text(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_string() ? json::value_to<std::string>(*value) : "";
}

std::string specs(const catalog::Release& release) {
    json::error_code error;
    const json::value details = json::parse(release.details, error);
    if (error || !details.is_object()) return "";
    const json::value* found = details.as_object().if_contains("hardware");
    if (!found || !found->is_object()) return "";
    const json::object& hardware = found->as_object();
    std::string html = "<ul class=\"specs\">";
    const auto item = [&](const std::string& what) { html += "<li>" + escaped(what) + "</li>"; };
    item(text(details.as_object(), "distribution"));
    item("mode " + text(hardware, "mode"));
    item(text(hardware, "firmware") == "uefi" ? "UEFI" : "BIOS");
    item(std::to_string(number(hardware, "vcpus")) + " vCPU");
    item(human(number(hardware, "memory_bytes")) + " memory");
    if (const json::value* disks = hardware.if_contains("disks"); disks && disks->is_array())
        for (const json::value& disk : disks->as_array())
            if (disk.is_object()) item(human(number(disk.as_object(), "virtual_size")) + " disk");
    if (const json::value* kind = hardware.if_contains("template"); kind && kind->is_bool() && kind->as_bool()) item("template");
    return html + "</ul>";
}

std::string rows(const catalog::Release& release) {
    std::string html = "<div class=\"scroll\"><table><tr><th>file</th><th>size</th><th>digests</th></tr>";
    for (const catalog::Artifact& artifact : release.artifacts) {
        const std::string address = "/download/" + artifact.release + "/" + artifact.file_name;
        html += "<tr><td><a href=\"" + escaped(address) + "\">" + escaped(artifact.file_name) + "</a></td><td class=\"size\">" + human(artifact.size) +
                (artifact.image_size > 0 ? "<br>" + human(artifact.image_size) + " unpacked" : "") + "</td><td><code class=\"digest\">SHA256 " +
                escaped(artifact.sha256) + "</code><code class=\"digest\">MD5 " + escaped(artifact.md5) + "</code>";
        if (artifact.image_size > 0 && artifact.image_sha256 != artifact.sha256)
            html += "<code class=\"digest\">unpacked SHA256 " + escaped(artifact.image_sha256) + "</code><code class=\"digest\">unpacked MD5 " + escaped(artifact.image_md5) + "</code>";
        html += "</td></tr>";
    }
    return html + "</table></div>";
}

std::string commands(const catalog::Release& release, const std::string& base) {
    std::string html;
    const std::string folder = base + "/download/" + release.name + "/";
    for (const catalog::Artifact& artifact : release.artifacts) {
        if (!artifact.format.starts_with("xva")) continue;
        const std::string& file = artifact.file_name;
        std::string lines;
        if (artifact.format == "xva.xz")
            lines = "xz -d " + file + "\nxe vm-import filename=" + file.substr(0, file.size() - 3) + "\n\n# or straight from here:\ncurl -s " + folder + file +
                    " | xz -dc | xe vm-import filename=/dev/stdin";
        else
            lines = "xe vm-import filename=" + file + "\n\n# or straight from here:\nxe vm-import url=" + folder + file;
        html += "<h3>Import " + escaped(artifact.format) + "</h3><pre>" + escaped(lines) + "</pre>";
    }
    return html + "<h3>Verify</h3><pre>" +
           escaped("curl -O " + base + "/keys/signing.pem\ncurl -O " + folder + "SHA256SUMS -O " + folder + "SHA256SUMS.sig\n"
                   "openssl dgst -sha256 -verify signing.pem -signature SHA256SUMS.sig SHA256SUMS\ngrep xva SHA256SUMS | grep -v ova.xml | sha256sum -c") +
           "</pre>";
}

}  // namespace

Response catalog_page(const std::vector<catalog::Release>& releases, const publish::SigningKey& key, const Config& config) {
    std::string html = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                       "<title>xenkiln: images for Xen</title><style>";
    html += catalog_style;
    html += "</style></head><body><header><h1><a href=\"/\">xenkiln</a></h1><p>Guest images for XenServer, XCP-ng and Xen, built from kickstart recipes.</p></header><main>";
    if (releases.empty()) html += "<article><h2>No images yet</h2><p>Send a recipe to <code>/v1/builds</code>; what is built appears here.</p></article>";
    for (const catalog::Release& release : releases)
        html += "<article><h2><a href=\"/releases/" + escaped(release.name) + "\">" + escaped(release.name) + "</a></h2><p class=\"when\">" + escaped(release.title) +
                " · built " + escaped(release.created.substr(0, 10)) + "</p>" + specs(release) + rows(release) + commands(release, config.public_url) + "</article>";
    html += "<footer>Lists are signed with ECDSA P-256; <a href=\"/keys/signing.pem\">public key</a>, fingerprint SHA256 <code>" + key.fingerprint() +
            "</code></footer></main></body></html>\n";
    Response response;
    response.headers = {{"Content-Type", "text/html; charset=utf-8"},
                        {"Cache-Control", "no-cache"},
                        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}};
    response.body = html;
    return response;
}

}  // namespace server::api
