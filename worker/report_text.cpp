// SPDX-License-Identifier: Apache-2.0
#include "worker/report_text.hpp"

#include <boost/json.hpp>
#include <iomanip>
#include <sstream>

namespace worker {
namespace {

namespace json = boost::json;

const json::array& list(const json::object& report, const char* name) {
    static const json::array none;
    const json::value* value = report.if_contains(name);
    return value && value->is_array() ? value->get_array() : none;
}

std::string text(const json::value& from, const char* name) {
    const json::value* value = from.as_object().if_contains(name);
    return value && value->is_string() ? json::value_to<std::string>(*value) : std::string();
}

// Of a conversion: what was read.
void write_source(const json::value& source, std::ostream& out) {
    const json::value* size = source.as_object().if_contains("file_size");
    const json::value* read = source.as_object().if_contains("bytes_read");
    out << "\nSource\n  " << text(source, "file_name") << ", " << text(source, "from") << "\n  "
        << text(source, "format") << ", packing " << text(source, "packing");
    if (size && read) out << ", " << json::serialize(*size) << " bytes, " << json::serialize(*read) << " read";
    out << "\n";
}

// Their digest is the same in every format.
void write_disks(const json::object& all, std::ostream& out) {
    const json::value* hardware = all.if_contains("hardware");
    if (!hardware || !hardware->is_object() || list(hardware->as_object(), "disks").empty()) return;
    out << "\nDisks: virtual size, disk digest\n";
    for (const json::value& disk : list(hardware->as_object(), "disks"))
        out << "  " << json::serialize(disk.at("virtual_size")) << "  " << text(disk, "disk_digest") << "\n";
}

}  // namespace

std::string report_text(std::string_view title, std::string_view report) {
    const json::value parsed = json::parse(json::string_view(report.data(), report.size()));
    const json::object& all = parsed.as_object();
    std::ostringstream out;
    out << title << "\n\nSteps, in seconds\n";
    for (const json::value& step : list(all, "steps"))
        out << std::fixed << std::setprecision(1) << std::setw(9) << step.at("seconds").to_number<double>() << "  "
            << text(step, "name") << "\n";
    if (const std::string advice = text(parsed, "mode_advice"); !advice.empty()) out << "\nMode\n  " << advice << "\n";
    if (const json::value* source = all.if_contains("source")) write_source(*source, out);
    write_disks(all, out);
    if (!list(all, "notes").empty()) out << (all.contains("source") ? "\nNotes\n" : "\nNotes on the recipe\n");
    for (const json::value& note : list(all, "notes")) {
        const auto line = note.at("line").to_number<int>();
        out << "  " << (line > 0 ? "line " + std::to_string(line) + ": " : "") << text(note, "message") << "\n";
    }
    if (!list(all, "readiness").empty()) out << "\nReadiness\n";
    for (const json::value& finding : list(all, "readiness"))
        out << "  " << (finding.at("passed").as_bool() ? "ok      " : "NOT OK  ") << text(finding, "id") << " "
            << text(finding, "message") << "\n";
    if (const json::value* sandbox = all.if_contains("sandbox"))
        out << "\nSandbox\n  " << json::serialize(*sandbox) << "\n";
    if (!list(all, "packages").empty())
        out << "\nPackages (" << list(all, "packages").size()
            << "): name, version, architecture, SHA-256 of its file\n";
    for (const json::value& package : list(all, "packages"))
        out << "  " << text(package, "name") << " " << text(package, "version") << " " << text(package, "architecture")
            << " " << (text(package, "sha256").empty() ? "-" : text(package, "sha256")) << "\n";
    return out.str();
}

}  // namespace worker
