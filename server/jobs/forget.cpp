// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/forget.hpp"

#include <array>
#include <boost/json.hpp>
#include <fstream>
#include <span>

#include "builders/plan/plan_json.hpp"
#include "formats/base/file.hpp"
#include "kickstart/secrets.hpp"
#include "server/jobs/secret_filter.hpp"

namespace server::jobs {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

void mask_text(json::value& value, const SecretFilter& filter) {
    if (value.is_string())
        value = filter.masked(json::value_to<std::string>(value));
    else if (value.is_object())
        for (auto& [key, member] : value.as_object()) mask_text(member, filter);
}

std::string masked_event(const std::string& line, const SecretFilter& filter) {
    json::error_code error;
    json::value event = json::parse(line, error);
    if (error || !event.is_object()) return filter.masked(line);
    if (json::value* data = event.as_object().if_contains("data")) mask_text(*data, filter);
    return json::serialize(event);
}

// Line by line into a file that takes the old one's place.
template <class Masked>
void rewrite(const fs::path& path, const Masked& masked) {
    if (!fs::is_regular_file(fs::symlink_status(path))) return;
    const fs::path temporary = path.string() + ".new";
    std::ifstream in(path, std::ios::binary);
    formats::File out = formats::File::create(temporary, 0600, true);
    bool changed = false;
    for (std::string line; std::getline(in, line);) {
        const std::string text = masked(line);
        changed = changed || text != line;
        const std::string whole = text + (in.eof() ? "" : "\n");
        out.write(std::as_bytes(std::span(whole)));
    }
    if (in.bad()) throw std::runtime_error("cannot read " + path.string());
    out.sync();
    out.close();
    if (changed)
        fs::rename(temporary, path);
    else
        fs::remove(temporary);
}

}  // namespace

bool remembers(const fs::path& folder) {
    return fs::exists(fs::symlink_status(folder / "request.json"));
}

void forget(const catalog::Job& job, const fs::path& folder, catalog::Catalog& catalog, bool mend_logs) {
    const SecretFilter filter = filter_of(job);
    if (mend_logs) {
        rewrite(folder / "log.txt", [&](const std::string& line) { return filter.masked(line); });
        rewrite(folder / "events.jsonl", [&](const std::string& line) { return masked_event(line, filter); });
    }
    catalog::Job known = job;
    known.recipe = kickstart::public_text(job.recipe);
    known.request = "{}";
    known.error = filter.masked(job.error);
    catalog.forget_secrets(known);
    for (const char* name : {"recipe.ks", builders::plan_file, "plan.json", "keep-disk", "worker.pid", "request.json"})
        fs::remove(folder / name);
}

}  // namespace server::jobs
